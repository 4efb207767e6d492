import { StageFailure } from "../host/failure";
import { stopIfInterrupted } from "../host/interrupt";
import { stageKey } from "../plan/description";
import { CallError, checkCall, type StageAnswer } from "../plan/stages/call";
import type { StageContract } from "../plan/stages/contract";
import { Roots } from "../store/roots";
import { Workplace } from "../store/workplace";
import { answerOf, claimResult, findResult } from "./answer";
import { type Building, buildStage } from "./buildStage";
import type { StageProgram } from "./stage";

/** One run of a stage. */
interface StageRun extends Building {
  /** What stood on the command's stdin. */
  readonly call: unknown;
  /** The key under which the result is expected; undefined for a call by hand. */
  readonly key?: string | undefined;
}

/**
 * Runs a stage, unless its result is in the store, and publishes what it made.
 *
 * @throws CallError before anything is done, where the call does not fit the stage's contract
 */
export async function runStage<C extends StageContract>(
  program: StageProgram<C>,
  run: StageRun,
): Promise<StageAnswer<C>> {
  const { store } = run;
  const place = new Workplace(store.home);
  const { stage } = program.contract;
  const call = checkCall(program.contract, run.call);
  const key = stageKey(call.description);
  if (run.key && run.key !== key) {
    throw new CallError(stage, [`the description does not have the key ${run.key}`]);
  }
  stopIfInterrupted(run.signal);
  const held: (() => Promise<void>)[] = [];
  try {
    const { signal, print } = run;
    held.push(
      await place.lockStore({
        shared: true,
        signal,
        onWait: () => print("waiting for a garbage collection of the store"),
      }),
    );
    held.push(
      await place.lockStage(stage, key, {
        signal,
        onWait: (holder) => print(`waiting: ${holder} builds the same`),
      }),
    );
    const result =
      (await findResult(store, call, run.marker)) ?? (await buildStage(program, call, run, key));
    await claimResult(Roots.of(store.home, call), call.root, result);
    return answerOf(result) as StageAnswer<C>;
  } catch (error) {
    // an interrupted wait for a lock rejects with an AbortError; the user is told why the run was interrupted
    if (!(error instanceof StageFailure)) stopIfInterrupted(run.signal);
    throw error;
  } finally {
    for (const release of held.reverse()) await release();
  }
}
