import { inProject } from "../host/project";
import { ITSELF, treeDigests } from "../host/tree";
import {
  type ProvisionStep,
  type Step,
  stepNames,
  type StepRequest,
  stepTitle,
} from "../plan/steps";

/** What never travels with a playbook. */
export const LEFT_OUT = [".git", "__pycache__"];

/** A step as an input of the image; reads the files that it names. */
export function describeStep(step: ProvisionStep): Step {
  switch (step.kind) {
    case "script": {
      const { kind, args, variables, secrets } = step;
      const script = treeDigests(inProject(step.script))[ITSELF]!;
      return { kind, script, args: [...args], variables, secrets: [...secrets] };
    }
    case "run": {
      const { kind, run, variables, secrets } = step;
      return { kind, run, variables, secrets: [...secrets] };
    }
    case "packages":
      return { kind: step.kind, packages: [...step.packages] };
    case "files":
      return {
        kind: step.kind,
        files: step.files.map(({ from, to, mode, owner }) => ({
          content: treeDigests(inProject(from)),
          ...{ to, mode, owner },
        })),
      };
    case "ansible": {
      const { kind, playbook, variables, secrets } = step;
      const content = treeDigests(inProject(step.folder), LEFT_OUT);
      return { kind, playbook, content, variables, secrets: [...secrets] };
    }
    case "reboot":
      return { kind: step.kind };
  }
}

/** What the image's stage is told of each step besides. */
export function stepRequests(steps: readonly ProvisionStep[]): StepRequest[] {
  const names = stepNames(steps);
  return steps.map((step, index) => ({
    title: stepTitle(step),
    name: names[index]!,
    sources: sourcesOf(step),
    timeout: step.timeout,
  }));
}

function sourcesOf(step: ProvisionStep): string[] {
  if (step.kind === "script") return [step.script];
  if (step.kind === "files") return step.files.map(({ from }) => from);
  return step.kind === "ansible" ? [step.folder] : [];
}
