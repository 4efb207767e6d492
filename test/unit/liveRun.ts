import { makeView } from "../../cli/view";

/**
 * Shows a run of four stages: one comes from the store, one runs for three seconds, in the third the last but one of the user's steps fails,
 * and one is not reached.
 */
async function run() {
  const view = makeView(
    [
      { stage: "base", after: ["builder"], expectedSeconds: 600 },
      { stage: "builder", expectedSeconds: 600 },
      {
        stage: "image",
        after: ["base"],
        steps: ["packages nginx", "files /srv", "scripts/app.sh", "reboot"],
      },
      { stage: "release", after: ["image"], expectedSeconds: 600 },
    ],
    false,
  );
  const line = (step: string, text: string) => view.take({ kind: "line", step, text });
  view.take({ kind: "done", step: "builder", from: "store" });
  view.take({ kind: "start", step: "base" });
  line("base", "» fetch the ISO");
  line("base", "512 MiB of 1.0 GiB, about 2 min left");
  await new Promise((done) => setTimeout(done, 3000));
  view.take({ kind: "done", step: "base", from: "run" });
  view.take({ kind: "start", step: "image" });
  line("image", "» start guest");
  line("image", "» step 2 (files /srv)");
  await new Promise((done) => setTimeout(done, 1200));
  line("image", "» step 3 (scripts/app.sh)");
  line("image", "what the script prints");
  await new Promise((done) => setTimeout(done, 700));
  view.take({ kind: "failed", step: "image", message: "step 3 (scripts/app.sh) ended with 1" });
  await view.close();
}

void run();
