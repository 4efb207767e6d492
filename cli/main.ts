import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";

import { EXIT, StageFailure } from "../host/failure";
import { outputLoss, print, tell, watchStreams } from "../host/output";
import { parseBytes } from "../plan/units";
import { version } from "../package.json";
import { checkArguments } from "./arguments";
import { completion, SHELLS } from "./completion";
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
    .version(version)
    .showHelpAfterError("(--help lists what is allowed)")
    .configureOutput({ writeOut: print, writeErr: tell })
    .exitOverride()
    .hook("preAction", (_, command) => checkArguments(command))
    // before any verb looks at anything: a home that is somebody else's
    .hook("preAction", async () => void (await import("../host/home")).homeFolder());

  const add = (name: string, description: string, options: Option[] = []) => {
    const command = program.command(name).description(description).exitOverride();
    // `checkArguments` tells more than how many there are
    command.allowExcessArguments();
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
    .option(
      "-y, --yes",
      "do not ask; replaces a device only with --serial, or --device-size where it has none",
    )
    .option("--serial <number>", "the serial number that the device has to have")
    .addOption(
      new Option(
        "--device-size <size>",
        "the size that a file, or a device without a serial number, has to have",
      ).argParser(deviceSize),
    )
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
  add("completion", "print what makes a shell complete these commands")
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .action((shell: string) => {
      exitCode = completion(shell, program);
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

/** @throws InvalidArgumentError with what is allowed */
function deviceSize(text: string): number {
  try {
    return parseBytes(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Tells a failure, with --json as a document too. @returns its exit code */
async function reportFailure(error: Error): Promise<number> {
  const json = (message: string, exitCode: number) => {
    if (process.argv.includes("--json")) print(JSON.stringify({ error: message, exitCode }) + "\n");
    return exitCode;
  };
  if (error instanceof CommanderError) {
    // commander has told it; help and version are no failures
    return error.exitCode === 0 ? EXIT.done : json(error.message, EXIT.wrongSettings);
  }
  const { describeFailure } = await import("./failure");
  const { message, exitCode } = describeFailure(error);
  tell(`${message}\n`);
  return json(message, exitCode);
}

watchStreams();
void main()
  .catch(reportFailure)
  .then((exitCode) => {
    const loss = outputLoss();
    if (loss) tell(`${loss}\n`);
    // exits at once, since all is written: idle connections to Docker would keep the process alive
    process.exit(loss && exitCode === EXIT.done ? EXIT.lacking : exitCode);
  });
