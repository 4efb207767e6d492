import { chooseEngine, type EngineName } from "../engine/choose";
import type { EngineEvent, EngineRun, Outputs } from "../engine/events";
import { requireDaemon } from "../executors/daemon";
import { type Site, thisSite } from "../executors/site";
import { EXIT, StageFailure } from "../host/failure";
import { OLDEST_PULUMI } from "../host/pulumiVersion";
import { warn } from "../host/warn";
import type { StackIdentity } from "../plan/identity";
import type { StackSpec } from "../plan/imageSpec";
import { parallelStages } from "../preview/parallel";
import { planRows } from "../preview/planReport";
import type { PlanRow } from "../preview/planRow";
import { planRun } from "../preview/requirements";
import { warningsOf } from "../settings/warnings";
import { identityOf } from "../store/identity";
import { readStackRecord, type StackRecord } from "../store/stackRecord";
import { engineProblems } from "./engineNeeds";
import { wantedImages } from "./imageNames";
import type { CommonOptions } from "./options";
import { readStack, type StackSettings } from "./stackSettings";

/** What `up`, `preview` and `destroy` need before they start: valid settings, a Docker that answers, an engine. */
export interface Session {
  readonly site: Site;
  readonly spec: StackSpec;
  readonly settings: StackSettings;
  /** Whose roots and records the run's are. */
  readonly owner: StackIdentity;
  readonly engine: EngineName;
  readonly last: StackRecord | undefined;
  /** A sentence for the user where the engine is not the one that ran this stack last. */
  readonly switched: string | undefined;
  /** The plan: made here once, and used by the run as well. */
  readonly rows: readonly PlanRow[];
  /** How many stages run at a time. */
  readonly parallel: number;
  run(
    preview: boolean,
    onEvent: (event: EngineEvent) => void,
    signal: AbortSignal,
  ): Promise<Outputs | undefined>;
}

/**
 * @param names of the images that are wanted; none for all
 * @throws SettingsError before anything else is looked at
 */
export async function openSession(
  options: CommonOptions,
  names: readonly string[],
): Promise<Session> {
  const { settings, spec } = readStack(options.stack);
  const wanted = wantedImages(spec, options.stack, names);
  const site = thisSite();
  await requireDaemon(site);
  const engine = await chooseEngine(options.engine);
  if (!engine) throw noPulumi();
  const [problem] = engineProblems(engine, options.engine, settings, spec.images);
  if (problem) throw problem;
  warningsOf(settings, spec, options.stack).forEach(warn);
  const { stack, rebuild = [] } = options;
  const { project } = settings;
  const owner = identityOf(site.home, { project, stack });
  const last = await readStackRecord(site.home, owner);
  const plan = await planRun(site, spec, owner, rebuild, wanted);
  const parallel = parallelStages(spec);
  return {
    parallel,
    site,
    spec,
    settings,
    owner,
    engine,
    last,
    switched:
      last && last.engine !== engine
        ? `stack ${options.stack} was last run by the ${last.engine} engine, now by ${engine}; the store is the same`
        : undefined,
    rows: planRows(plan),
    run: async (preview, onEvent, signal) => {
      const run: EngineRun = {
        ...{ site, stack, plan, parallel, rebuild, preview, onEvent, signal },
        project,
        settings: settings.values,
        secretNames: settings.secretNames,
      };
      return engine === "pulumi"
        ? (await import("../engine/pulumiCli")).runPulumi(run)
        : (await import("../engine/embedded")).runEmbedded(run);
    },
  };
}

const noPulumi = () =>
  new StageFailure(`there is no Pulumi CLI ≥ ${OLDEST_PULUMI.join(".")} on PATH`, {
    hint: "install the Pulumi CLI, or leave --engine out to run without it",
    exitCode: EXIT.lacking,
  });
