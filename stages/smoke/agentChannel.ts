import { type Channel, type Executed } from "./guest";
import { guestExec } from "./guestExec";

/** Sends one command to the guest agent and gives its answer back. */
export type AskAgent = (
  command: string,
  args?: Record<string, unknown>,
  seconds?: number,
) => Promise<unknown>;

const PING_SECONDS = 5;

/** The QEMU guest agent, however a driver's requests come to it. */
export class AgentChannel implements Channel {
  /** @param synchronize throws late answers away, where the way to the agent may have some */
  constructor(
    private readonly ask: AskAgent,
    private readonly synchronize: (seconds: number) => Promise<void> = () => Promise.resolve(),
  ) {}

  async reach(): Promise<void> {
    await this.synchronize(PING_SECONDS);
    await this.ask("guest-ping", {}, PING_SECONDS);
  }

  execute(argv: readonly string[], signal: AbortSignal, input?: Buffer): Promise<Executed> {
    return guestExec(this.ask, argv, signal, input);
  }
}
