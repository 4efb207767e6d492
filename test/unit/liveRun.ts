import { makeView } from "../../cli/view";

/** Shows a run of four steps: one comes from the store, one runs for three seconds, one fails, and one is not reached. */
async function run() {
  const steps = ["base", "image", "check", "release"];
  const view = makeView(
    steps.map((stage) => ({ stage, expectedSeconds: 600 })),
    false,
  );
  view.take({ kind: "done", step: "image", from: "store" });
  view.take({ kind: "start", step: "base" });
  view.take({ kind: "line", step: "base", text: "» install packages" });
  await new Promise((done) => setTimeout(done, 3000));
  view.take({ kind: "done", step: "base", from: "run" });
  view.take({ kind: "start", step: "check" });
  view.take({ kind: "failed", step: "check", message: "it breaks a rule" });
  await view.close();
}

void run();
