import type { Duplex } from "node:stream";

import type { AcceleratorSetting } from "../plan/imageSpec";
import type { ImageFacts } from "./images";
import type { Confinement } from "./isolation";
import type { Redactor } from "../host/redactor";

/** What a container reads, and what nobody changes: an artifact, a bundle, or a file that was verified. */
export interface Input {
  /** Where the program sees it. */
  readonly at: string;
  /** The folder or file, absolute, on the machine of the caller. */
  readonly path: string;
  /** Lies outside of kragle's own folder; where SELinux confines containers, it gets their label. */
  readonly foreign?: boolean;
}

/** A folder, absolute, on the machine of the caller, into which the program writes. */
export interface Output {
  readonly at: string;
  readonly path: string;
}

/** One program, what it needs, and its limits. */
export interface Task {
  /** The store's id and the stage's key: they mark the container, so that what an earlier run left is found. */
  readonly storeId: string;
  readonly key: string;
  /** Reference of the image with the distribution's tools. */
  readonly image: string;
  /** Folder with kragle's own programs, lifeline.py among them; seen at {@link PROGRAMS_AT}. */
  readonly programs: string;
  readonly run: readonly string[];
  readonly settings: unknown;
  /** Go by stdin into the container's tmpfs; never into its environment or command line. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly inputs?: readonly Input[];
  readonly outputs?: readonly Output[];
  readonly user: Confinement;
  /**
   * "outside" is what lies beyond this machine: its addresses, other containers, link-local addresses and, but for what Packer needs,
   * the container's own loopback are shut.
   */
  readonly network: "outside" | "none";
  /** What is open all the same, see parseEndpoint; "any": nothing is shut. */
  readonly allow?: readonly string[];
  /** Hand in /dev/kvm. */
  readonly kvm?: boolean;
  /** Port on 127.0.0.1 that shows the guest's screen, which is {@link SCREEN_PORT} of the container. */
  readonly publishScreen?: number | null;
  /** 4 GiB where nothing is given. */
  readonly memoryBytes?: number;
  /** Receives everything that the container prints. */
  readonly log: string;
  readonly onLine: (line: string) => void;
  /** Keeps secrets out of both. */
  readonly redactor?: Redactor;
  /** Receives the container when it runs. */
  readonly onStart?: (running: Running) => void;
  /** The container is ended after so many seconds. */
  readonly deadlineSeconds: number;
  /** It is also ended when nothing is printed for so long, and nothing below `watch` grows. */
  readonly silenceSeconds?: number;
  /** The folder of the results; the container is ended before its disk is full. */
  readonly watch?: string;
  readonly signal?: AbortSignal;
}

/** Where a guest's screen is in its container, if it is to be seen. */
export const SCREEN_PORT = 5900;

/** Where programs find kragle's own ones. */
export const PROGRAMS_AT = "/usr/local/lib/kragle";

/** A container that runs. */
export interface Running {
  /**
   * Connects to a port on its loopback.
   *
   * @returns the connection; it ends at once where nobody listens
   * @throws Error where the container does not run any more
   */
  connect(port: number): Promise<Duplex>;
}

export interface TaskResult {
  readonly exitCode: number;
  /** The last lines that it printed. */
  readonly tail: readonly string[];
}

/** What a guest runs on: the processor itself, or software emulation. */
export type Accelerator = "kvm" | "tcg";

export interface ProbeOptions {
  readonly setting: AcceleratorSetting;
  readonly toolsImage: string;
}

/** Where containers run. */
export interface Executor {
  /**
   * Chooses what guests run on there.
   *
   * @returns the choice, and the reason as a sentence for the user
   * @throws StageFailure where KVM is asked for and cannot be used
   */
  probe(options: ProbeOptions): Promise<{ accelerator: Accelerator; reason: string }>;
  /** Looks at an image that is there; undefined where it is not. */
  inspect(reference: string): Promise<ImageFacts | undefined>;
  /**
   * Runs a task until it ends, or until the caller does, however that ends.
   *
   * @throws StageFailure where it cannot be started, or goes beyond a limit
   */
  run(task: Task): Promise<TaskResult>;
  /** Ends what earlier runs of the same store and key left behind. The caller holds the key's lock, so nobody uses it. */
  end(storeId: string, key: string): Promise<void>;
}
