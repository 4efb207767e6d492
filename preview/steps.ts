import { inProject } from "../host/project";
import { ITSELF, treeDigests } from "../host/tree";
import type { ImageSpec } from "../plan/imageSpec";
import {
  type ProvisionStep,
  type Step,
  stepNames,
  type StepRequest,
  stepTitle,
} from "../plan/steps";
import { PLAYBOOK_TREE } from "../settings/playbook";

/**
 * A step as an input of the image; reads the files that it names.
 *
 * @param shared variables of every step
 */
export function describeStep(step: ProvisionStep, shared: ImageSpec["variables"] = {}): Step {
  const variables = { ...shared, ...("variables" in step ? step.variables : {}) };
  switch (step.kind) {
    case "script": {
      const { kind, args, secrets } = step;
      const script = treeDigests(inProject(step.script))[ITSELF]!;
      return { kind, script, args: [...args], variables, secrets: [...secrets] };
    }
    case "run": {
      const { kind, run, secrets } = step;
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
      const { kind, playbook, secrets } = step;
      const tree = treeDigests(inProject(step.folder), PLAYBOOK_TREE);
      const files = Object.entries(tree).filter(([, digest]) => digest !== "folder");
      const content = Object.fromEntries(files);
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
