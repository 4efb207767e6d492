import { Command, CommanderError, Option } from "commander";

import { EXIT, StageFailure } from "../host/failure";
import type { CommonOptions } from "./options";
import type { ReportOptions } from "./report";
import type { VerifyOptions } from "./verify";
import type { WriteOptions } from "./write";

// Each verb loads its own modules when it is called: a run without changes spends most of its time on loading.

const stack = () =>
  new Option("-s, --stack <name>", "the stack, which has its settings in Pulumi.<name>.yaml")
    .env("KRAGLE_STACK")
    .default("dev");
const json = () => new Option("--json", "print one JSON document on stdout and nothing else");
const engine = () =>
  new Option(
    "--engine <name>",
    "what runs the Pulumi program; the Pulumi CLI where one is installed",
  ).choices(["pulumi", "embedded"]);
const rebuild = () =>
  new Option("--rebuild <stage...>", "build again although nothing has changed").choices([
    "base",
    "image",
    "check",
    "convert",
    "smoke",
    "release",
  ]);

async function main(): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = new Command("kragle")
    .description("Golden machine images as infrastructure code.")
    .addHelpText(
      "after",
      "\nExit codes: 0 done; 1 the build or a check failed; 2 wrong settings or arguments; 3 the machine lacks something.",
    )
    .showHelpAfterError("(--help lists what is allowed)")
    .exitOverride()
    // before any verb looks at anything: a home that is somebody else's
    .hook("preAction", async () => void (await import("../host/home")).homeFolder());

  const add = (name: string, description: string, options: Option[] = []) => {
    const command = program.command(name).description(description).exitOverride();
    options.forEach((option) => command.addOption(option));
    return command;
  };

  add("setup", "set this machine up: Node, dependencies, Docker")
    .option("-y, --yes", "do not ask")
    .action(() => {
      throw new StageFailure("set-up is started by the launcher: ./kragle setup");
    });
  add("up", "build, prove and release a stack's image", [
    stack(),
    json(),
    engine(),
    rebuild(),
  ]).action(async (options: CommonOptions) => {
    exitCode = await (await import("./up")).up(options);
  });
  add("preview", "say what `up` would do, and why", [stack(), json(), engine(), rebuild()]).action(
    async (options: CommonOptions) => {
      exitCode = await (await import("./preview")).preview(options);
    },
  );
  add("outputs", "print the outputs of a stack's last release", [stack(), json()]).action(
    async (options: CommonOptions) => {
      exitCode = await (await import("./outputs")).outputs(options);
    },
  );
  add("destroy", "forget a stack; released files stay", [stack(), json(), engine()]).action(
    async (options: CommonOptions) => {
      exitCode = await (await import("./destroy")).destroy(options);
    },
  );
  add("doctor", "check what this machine has and lacks", [stack(), json()]).action(
    async (options: CommonOptions) => {
      exitCode = await (await import("./doctor/doctor")).doctor(options);
    },
  );
  add("verify [folder]", "check a release: signature, digests, provenance, bill of materials", [
    stack(),
    json(),
  ])
    .option(
      "--allowed-signers <file>",
      "the keys that are trusted, of ssh-keygen or exported by gpg",
    )
    .action(async (folder: string | undefined, options: VerifyOptions) => {
      exitCode = await (await import("./verify")).verify(folder, options);
    });
  add("write <target>", "write a stack's image to a device or a file, and read it back", [
    stack(),
    json(),
  ])
    .addOption(
      new Option("--verify <how>", "quick reads back what the image stores, full the whole disk")
        .choices(["quick", "full"])
        .default("quick"),
    )
    .option("--virtual", "the target will be a virtual machine's disk")
    .option("-y, --yes", "do not ask; needs --serial, or --device-size for a device without one")
    .option("--serial <number>", "the serial number that the device has to have")
    .option("--device-size <size>", "the size that a device without a serial number has to have")
    .action(async (target: string, options: WriteOptions) => {
      exitCode = await (await import("./write")).write(target, options);
    });
  add("report", "say where the report of a stack's last release is", [stack(), json()])
    .option("--open", "open it, in the desktop's browser")
    .action(async (options: ReportOptions) => {
      exitCode = await (await import("./report")).report(options);
    });
  add("logs [stage]", "show the log of a stage's last run", [stack(), json()]).action(
    async (stage: string | undefined, options: CommonOptions) => {
      exitCode = await (await import("./logs")).logs(stage, options);
    },
  );
  add("gc", "delete what no stack uses", [json()])
    .option("--dry-run", "only say what would be deleted")
    .action(async (options: { json?: boolean; dryRun?: boolean }) => {
      exitCode = await (await import("./gc")).gc(options);
    });
  program.command("stage <name>", { hidden: true }).action(async (name: string) => {
    exitCode = await (await import("./runStage")).runStage(name);
  });
  program
    .command("drop-root <stack> <root> [project]", { hidden: true })
    .action(async (stackName: string, root: string, project: string | undefined) => {
      exitCode = await (await import("./dropRoot")).dropRoot(stackName, root, project);
    });

  await program.parseAsync();
  return exitCode;
}

// a reader such as `head` may close the pipe before the end
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

main().then(
  (exitCode) => {
    process.exitCode = exitCode;
    // exits at once when all is written: idle connections to Docker would keep the process alive
    process.stdout.write("", () => process.stderr.write("", () => process.exit()));
  },
  async (error: Error) => {
    if (error instanceof CommanderError) {
      const exitCode = error.exitCode === 0 ? EXIT.done : EXIT.wrongSettings;
      process.exitCode = exitCode;
      if (exitCode !== EXIT.done && process.argv.includes("--json")) {
        process.stdout.write(JSON.stringify({ error: error.message, exitCode }) + "\n");
      }
      return;
    }
    const { describeFailure } = await import("./failure");
    const { message, exitCode } = describeFailure(error);
    process.stderr.write(`${message}\n`);
    if (process.argv.includes("--json")) {
      process.stdout.write(JSON.stringify({ error: message, exitCode }) + "\n");
    }
    process.exitCode = exitCode;
  },
);
