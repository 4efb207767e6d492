import assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";

/** Stands for a value that is not known in a preview. */
export const UNKNOWN = "‹unknown›";

/** A resource as the program asked the engine for it. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Paths of the inputs that are secret, such as `environment.PASSWORD`. */
  readonly secrets: readonly string[];
  /** Names of resources. */
  readonly parent: string;
  readonly dependsOn: readonly string[];
  /** What earlier versions called it. */
  readonly aliases: readonly string[];
  readonly options: {
    readonly ignoreChanges?: readonly string[];
    readonly deleteBeforeReplace?: true;
    readonly additionalSecretOutputs?: readonly string[];
    readonly customTimeouts?: { readonly create: string; readonly update: string };
  };
}

type Outputs = Readonly<Record<string, unknown>>;

export interface MockOptions {
  readonly stack?: string;
  readonly preview?: boolean;
  /** Settings without the prefix `kragle:`. */
  readonly config?: Readonly<Record<string, string>>;
  /**
   * Makes a resource: its outputs beside its inputs. An output that is absent in a preview is not known yet. The resource is
   * there, for those that depend on it, when the promise resolves; a rejection fails it.
   */
  readonly outputs?: (resource: Registered) => Outputs | Promise<Outputs>;
}

export interface MockRun<T> {
  /** In the order of registration, without the stack. */
  readonly resources: readonly Registered[];
  readonly value: T;
  /** The resource of that name; of a component and its child with one name, the child. */
  find(name: string): Registered;
}

/** Runs code that creates resources against a monitor that only records them, and waits until all of them are registered. */
export async function withMocks<T>(
  create: () => T | Promise<T>,
  options: MockOptions = {},
): Promise<MockRun<T>> {
  const resources: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: async ({ type, name, inputs, custom }) => {
        const resource = resources.find((r) => r.type === type && r.name === name);
        const outputs = resource && (await options.outputs?.(resource));
        return {
          id: custom ? `${name}-id` : undefined,
          state: { ...(inputs as object), ...outputs },
        };
      },
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    "kragle",
    options.stack ?? "dev",
    options.preview ?? false,
  );
  const config = Object.entries(options.config ?? {});
  pulumi.runtime.setAllConfig(
    Object.fromEntries(config.map(([name, value]) => [`kragle:${name}`, value])),
  );
  recordResources(pulumi.runtime.getMonitor() as unknown as Monitor, resources);
  const value = await create();
  await pulumi.runtime.disconnect();
  const find = (name: string) => {
    const named = resources.filter((resource) => resource.name === name);
    const custom = named.filter(({ type }) => !type.startsWith("kragle:"));
    const found = custom.length > 0 ? custom : named;
    if (found.length === 1) return found[0]!;
    const names = resources.map((resource) => resource.name).join(", ");
    throw new Error(`${found.length} resources are called ${name}; there are ${names}`);
  };
  return { resources, value, find };
}

interface Monitor {
  registerResource(request: RegisterResourceRequest, callback: unknown): Promise<void>;
}

/**
 * Notes every resource that is registered from now on: what the mocks themselves are told lacks parent, dependencies and options.
 *
 * @param monitor the one that `setMocks` has installed, or the prototype of those that it will install
 */
export function recordResources(monitor: Monitor, resources: Registered[]): void {
  const { registerResource } = monitor;
  monitor.registerResource = function (request, callback) {
    if (request.getType() !== "pulumi:pulumi:Stack") resources.push(describe(request));
    return registerResource.call(this, request, callback);
  };
}

/** What an output is; undefined where it is not known. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return (output as unknown as { promise(): Promise<T> }).promise();
}

/** What a command resource of a stage has on its stdin. */
export function requestOf({ inputs }: Registered): Record<string, unknown> {
  assert.equal(typeof inputs.stdin, "string");
  return JSON.parse(inputs.stdin as string) as Record<string, unknown>;
}

const nameOf = (urn: string) => urn.split("::").at(-1)!;

function describe(request: RegisterResourceRequest): Registered {
  const secrets: string[] = [];
  const inputs = reveal(request.getObject()?.toJavaScript() ?? {}, [], secrets);
  const ignoreChanges = request.getIgnorechangesList();
  const secretOutputs = request.getAdditionalsecretoutputsList();
  const timeouts = request.getCustomtimeouts();
  return {
    type: request.getType(),
    name: request.getName(),
    inputs: inputs as Registered["inputs"],
    secrets,
    parent: nameOf(request.getParent()),
    dependsOn: request.getDependenciesList().map(nameOf).sort(),
    // a package's own aliases give a type and no name
    aliases: request.getAliasesList().flatMap((alias) => alias.getSpec()?.getName() || []),
    options: {
      ...(ignoreChanges.length > 0 ? { ignoreChanges } : {}),
      ...(request.getDeletebeforereplace() ? { deleteBeforeReplace: true } : {}),
      ...(secretOutputs.length > 0 ? { additionalSecretOutputs: secretOutputs } : {}),
      ...(timeouts?.getCreate()
        ? { customTimeouts: { create: timeouts.getCreate(), update: timeouts.getUpdate() } }
        : {}),
    },
  };
}

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const UNKNOWN_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Takes the wrapping off secrets, notes where they were, and makes unknown values readable. */
function reveal(value: unknown, path: readonly string[], secrets: string[]): unknown {
  if (value === UNKNOWN_VALUE) return UNKNOWN;
  if (Array.isArray(value)) return value.map((v, i) => reveal(v, [...path, String(i)], secrets));
  if (value === null || typeof value !== "object") return value;
  const entries = value as Record<string, unknown>;
  if (SIGNATURE in entries) {
    secrets.push(path.join("."));
    return reveal(entries.value, path, secrets);
  }
  return Object.fromEntries(
    Object.entries(entries).map(([k, v]) => [k, reveal(v, [...path, k], secrets)]),
  );
}
