import type { Command, Option } from "commander";

import { print } from "../host/output";
import { EXIT } from "../host/failure";

export const SHELLS = ["bash", "zsh", "fish"] as const;

/**
 * `kragle completion SHELL`: prints what makes a shell complete kragle's verbs, options and their values, out of the command's own table.
 *
 * Not by a library: those that are kept (@bomb.sh/tab 0.0.22, @pnpm/tabtab 0.5.4) start this program at each Tab, and evaluate in a shell
 * what has been typed, under one shell at least; the first offers no files, which `write`, `boot` and `verify` take.
 */
export function completion(shell: string, program: Command): number {
  const verbs = program.commands.filter((command) =>
    program.createHelp().visibleCommands(program).includes(command),
  );
  print(shell === "fish" ? forFish(verbs) : forBash(verbs, shell === "zsh"));
  return EXIT.done;
}

const flags = ({ short, long }: Option) => [short, long].filter((flag) => flag !== undefined);
const takesFile = (option: Option) => /<(file|folder)>/.test(option.flags);
/** Whether a verb's first word is a path. */
const takesPath = ({ registeredArguments: [first] }: Command) =>
  first !== undefined && /folder|target|file/.test(first.name());
const optionsOf = (verb: Command) => verb.createHelp().visibleOptions(verb);
const unique = (words: readonly string[]) => [...new Set(words)];

/** zsh takes bash's function, by its own bashcompinit. */
function forBash(verbs: readonly Command[], zsh: boolean): string {
  const names = verbs.map((verb) => verb.name());
  const options = verbs.flatMap(optionsOf);
  const values = new Map<string, string>();
  for (const option of options) {
    const pattern = flags(option).join("|");
    if (option.long === "--stack") values.set(pattern, `words=$(_kragle_stacks)`);
    else if (option.argChoices) values.set(pattern, `words="${option.argChoices.join(" ")}"`);
    else if (takesFile(option)) values.set(pattern, "files=yes");
    else if (option.required || option.optional) values.set(pattern, ":");
  }
  const ofVerb = verbs.map((verb) => {
    const [first] = verb.registeredArguments;
    const words = [...optionsOf(verb).map(({ long }) => long!), ...(first?.argChoices ?? [])];
    return `${verb.name()}) words="${unique(words).join(" ")}"${takesPath(verb) ? "; files=yes" : ""} ;;`;
  });
  return `# ${zsh ? 'eval "$(./kragle completion zsh)"' : 'eval "$(./kragle completion bash)"'}
${zsh ? "autoload -Uz compinit bashcompinit && compinit && bashcompinit\n" : ""}_kragle_stacks() {
  local folder=\${COMP_WORDS[0]%/*} file
  [ -d "$folder" ] || folder=.
  for file in "$folder"/Pulumi.*.yaml; do
    file=\${file##*/Pulumi.}
    file=\${file%.yaml}
    # compgen expands words as the shell does: what is in the name of a file must not be run
    case $file in "" | *[!A-Za-z0-9._-]*) continue ;; esac
    printf '%s ' "$file"
  done
}
_kragle() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} verb= words= files= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${names.join("|")}) verb=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case $before in
${[...values].map(([pattern, action]) => `    ${pattern}) ${action} ;;`).join("\n")}
    *)
      case $verb in
        "") words="${names.join(" ")} --version --help" ;;
${ofVerb.map((line) => `        ${line}`).join("\n")}
      esac
      ;;
  esac
  local IFS=$' \\t\\n'
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  if [ -n "$files" ] && [ "\${#COMPREPLY[@]}" -eq 0 -o -z "$word" ]; then
    IFS=$'\\n'
    COMPREPLY=($(compgen -f -- "$word"))
    compopt -o filenames 2>/dev/null
  fi
}
complete -F _kragle kragle
`;
}

function forFish(verbs: readonly Command[]): string {
  const names = verbs.map((verb) => verb.name()).join(" ");
  const quote = (text: string) => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const first = `-n 'not __fish_seen_subcommand_from ${names}'`;
  const lines = verbs.flatMap((verb) => [
    `complete -c kragle ${first} -a ${verb.name()} -d ${quote(verb.description())}`,
    ...(takesPath(verb)
      ? [`complete -c kragle -n '__fish_seen_subcommand_from ${verb.name()}' -F`]
      : []),
    ...(verb.registeredArguments[0]?.argChoices ?? []).map(
      (word) => `complete -c kragle -n '__fish_seen_subcommand_from ${verb.name()}' -a ${word}`,
    ),
    ...optionsOf(verb).map((option) => {
      const { short, long, description, argChoices } = option;
      const words = [
        `complete -c kragle -n '__fish_seen_subcommand_from ${verb.name()}'`,
        ...(short ? [`-s ${short.slice(1)}`] : []),
        `-l ${long!.slice(2)} -d ${quote(description)}`,
      ];
      if (long === "--stack") words.push("-x -a '(__kragle_stacks)'");
      else if (argChoices) words.push(`-x -a ${quote(argChoices.join(" "))}`);
      else if (takesFile(option)) words.push("-r -F");
      else if (option.required || option.optional) words.push("-x");
      return words.join(" ");
    }),
  ]);
  return `# ./kragle completion fish | source
function __kragle_stacks
  set -l folder (dirname (commandline -opc)[1])
  for file in $folder/Pulumi.*.yaml
    string replace -r '.*/Pulumi\\.(.*)\\.yaml$' '$1' $file
  end
end
complete -c kragle -f
complete -c kragle ${first} -l version -d 'print the version'
${lines.join("\n")}
`;
}
