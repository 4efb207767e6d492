const { LocalWorkspace } = require("@pulumi/pulumi/automation");
const { GoldenImage } = require("kragle");

const PROJECT = "kragle-automation";

/** One image for two environments. What they have alike, such as the installed system, is built once. */
const environments = {
  staging: { variables: { SITE: "staging" } },
  production: {
    variables: { SITE: "production" },
    formats: [{ format: "raw" }],
  },
};

const program = (settings) => async () => {
  const web = new GoldenImage("web", {
    provision: [{ run: 'echo "$SITE" > /etc/site' }],
    ...settings,
  });
  return { imagePath: web.imagePath, imageSha256: web.imageSha256 };
};

/** The images, and the stages that make them. */
const SHOWN = /::(\S+\$)?(kragle:index:GoldenImage|command:local:Command)::(?<name>[^:]+)$/;

/** A line for each of them that begins, ends or fails, and for what a stage says meanwhile. */
function tell(stack, { resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent }) {
  const say = (urn, text) => {
    const name = SHOWN.exec(urn)?.groups.name;
    if (name) console.log(`${stack}: ${name}${text}`);
  };
  const changed = (event) => event && event.metadata.op !== "same";
  if (changed(resourcePreEvent)) say(resourcePreEvent.metadata.urn, " begins");
  if (changed(resOutputsEvent)) say(resOutputsEvent.metadata.urn, " is done");
  if (resOpFailedEvent) say(resOpFailedEvent.metadata.urn, " has failed");
  if (diagnosticEvent?.urn) say(diagnosticEvent.urn, `: ${diagnosticEvent.message.trimEnd()}`);
}

async function main() {
  // one after the other: an image that does not prove itself in staging goes no further
  for (const [stackName, settings] of Object.entries(environments)) {
    const stack = await LocalWorkspace.createOrSelectStack(
      { stackName, projectName: PROJECT, program: program(settings) },
      // in this folder, where kragle keeps its store
      {
        workDir: module.path,
        projectSettings: { name: PROJECT, runtime: "nodejs" },
      },
    );
    const { outputs, summary } = await stack.up({
      onEvent: (event) => tell(stackName, event),
    });
    console.log(`${stackName}: ${summary.result}, ${outputs.imagePath.value}`);
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
