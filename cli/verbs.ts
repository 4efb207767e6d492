import { Argument, Command, InvalidArgumentError, Option } from "commander";

import { EXIT, StageFailure } from "../host/failure";
import { print, tell } from "../host/output";
import { parseBytes } from "../plan/units";
import { version } from "../package.json";
import { checkArguments } from "./arguments";
import { completion, SHELLS } from "./completion";

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

/** Runs the verb that the command line names. @returns its exit code */
export async function runVerb(): Promise<number> {
  let exitCode: number = EXIT.done;
  const runs =
    <A extends unknown[]>(load: () => Promise<(...args: A) => Promise<number>>) =>
    async (...args: A) => {
      exitCode = await (await load())(...args);
    };
  const program = new Command("kragle")
    .description("Golden machine images as infrastructure code.")
    .addHelpText(
      "after",
      "\nExit codes: 0 done; 1 the build or a check failed; 2 wrong settings or arguments; 3 the machine lacks something.",
    )
    .version(await versionLine())
    .helpCommand(false)
    .showHelpAfterError("(--help lists what is allowed)")
    .configureOutput({ writeOut: print, writeErr: tell })
    .exitOverride()
    .hook("preAction", (_, command) => checkArguments(command))
    // before any verb looks at anything: a program that is not kragle's, and a home that is somebody else's; doctor has a row for that
    .hook("preAction", async (_, command) => {
      (await import("./anotherProgram")).requireOwnProgram(command.name());
      if (command.name() !== "doctor") (await import("../host/home")).homeFolder();
    });

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
  add("up [images...]", "build, prove and release a stack's images", [
    stack(),
    json(),
    engine(),
    rebuild(),
    new Option("--keep", "keep the guest of a failed build until you have looked into it"),
  ]).action(runs(async () => (await import("./up")).up));
  add("preview [images...]", "say what `up` would do, and why", [
    stack(),
    json(),
    engine(),
    rebuild(),
  ]).action(runs(async () => (await import("./preview")).preview));
  add("outputs [images...]", "print the outputs of a stack's last release", [
    stack(),
    json(),
  ]).action(runs(async () => (await import("./outputs")).outputs));
  add("stacks", "list the stacks: last result, release, and what `up` would do", [json()]).action(
    runs(async () => (await import("./stacks")).stacks),
  );
  add("init <name>", "write the file of a new stack, with every setting and what it means", [
    json(),
  ])
    .option("-t, --template <name>", "the operating system", "debian12")
    .action(runs(async () => (await import("./init")).init));
  add("destroy [images...]", "forget a stack, or images of it; released files stay", [
    stack(),
    json(),
    engine(),
  ]).action(runs(async () => (await import("./destroy")).destroy));
  add("doctor", "check what this machine has and lacks", [stack(), json()]).action(
    runs(async () => (await import("./doctor/doctor")).doctor),
  );
  add(
    "verify [image|folder]",
    "check a release: signature, digests, provenance, bill of materials",
    [stack(), json()],
  )
    .option(
      "--allowed-signers <file>",
      "the keys that are trusted, of ssh-keygen or exported by gpg",
    )
    .action(runs(async () => (await import("./verify")).verify));
  add("write <target>", "write a stack's image to a device or a file, and read it back", [
    stack(),
    new Option("--image <name>", "which one, where the stack has several"),
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
    .action(runs(async () => (await import("./write")).write));
  add(
    "boot [image|file] [format]",
    "boot a throw-away copy of a stack's image, and get a shell in it",
    [
      stack(),
      new Option("--firmware <name>", "what it boots by; the template's first").choices([
        "bios",
        "uefi",
      ]),
      new Option("--network", "let it reach the outside, as while it is built"),
      new Option("--console", "stay on the serial console").conflicts("exec"),
      new Option(
        "--exec <command>",
        "run one command line as root when the system is up, and end with its exit code",
      ),
    ],
  ).action(runs(async () => (await import("./boot/boot")).boot));
  add("debug [image] [step]", "boot the disk as it was before a step, and get a shell in it", [
    stack(),
    new Option("--exec <command>", "run one command line as root, and end with its exit code"),
  ]).action(runs(async () => (await import("./boot/debug")).debug));
  add("report [image]", "say where the report of a stack's last release is", [stack(), json()])
    .option("--open", "open it, in the desktop's browser")
    .action(runs(async () => (await import("./report")).report));
  add("logs [image] [stage]", "show the log of a stage's last run", [stack(), json()]).action(
    runs(async () => (await import("./logs")).logs),
  );
  add("gc", "delete what no stack uses", [json()])
    .option("--dry-run", "only say what would be deleted")
    .option("--points", "delete all points too, from which changed steps go on")
    .action(runs(async () => (await import("./gc")).gc));
  add("completion", "print what makes a shell complete these commands")
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .action((shell: string) => {
      exitCode = completion(shell, program);
    });
  // Commander's own takes any name, and shows the whole list for it
  const names = program.commands.map((command) => command.name());
  add("help", "display help for a command")
    .addArgument(new Argument("[command]").choices(names))
    .action((name?: string) => (program.commands.find((c) => c.name() === name) ?? program).help());
  program
    .command("stage <name> [key]", { hidden: true })
    .action(runs(async () => (await import("./runStage")).runStage));
  program
    .command("drop-root <stack> <root> [project]", { hidden: true })
    .action(runs(async () => (await import("./dropRoot")).dropRoot));

  await program.parseAsync();
  return exitCode;
}

/** The version, with the commit where this is a checkout; git is asked only where somebody wants to know. */
async function versionLine(): Promise<string> {
  if (!process.argv.some((word) => word === "--version" || word === "-V")) return version;
  const { commit, modified } = await (await import("../host/kragleVersion")).kragleVersion();
  if (commit === undefined) return version;
  return `${version} (commit ${commit.slice(0, 12)}${modified ? ", with changes of its own" : ""})`;
}

/** @throws InvalidArgumentError with what is allowed */
function deviceSize(text: string): number {
  try {
    return parseBytes(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
