/**
 * What a site does for its coordinator, whatever carries the messages: it measures its columns, cuts and scales its windows, trains, and
 * counts what a model gets right. Rows and scores stay here; the answers are sums and counts (src/round/topics.ts). The lab's sites and
 * the plant's program run this code on an Executor.
 */
import { defaultFixedPoint } from "../aggregation/fixed-point.js";
import { fail } from "../core/errors.js";
import type { Examples } from "../data/dataset.js";
import {
  type DataPlan,
  exampleShapes,
  type OutputSpec,
  outputsOf,
  type Scaler,
  type SiteExamples,
  type SitePart,
  type Statistic,
  siteExamples,
  siteStatistic,
} from "../data/pipeline.js";
import { readScaler } from "../data/scaler-wire.js";
import { packStatistic } from "../data/statistic-wire.js";
import type { ExampleData } from "../model/engine.js";
import { inferModel } from "../model/shape.js";
import type { ModelSpec } from "../model/spec.js";
import type { Executor } from "../training/job.js";
import type { FederationFile } from "./file.js";
import type { Message, Request } from "./messages.js";
import { dataPlanOf, lossFor, type ModuleModelOf, modelFor } from "./node-plan.js";
import { countsOf, histogramOf, scoresOf } from "./site-work-answers.js";
import { sharedExamples } from "./site-work-data.js";
import { trainingSite } from "./site-work-train.js";
import { type Facts, topicOf } from "./topics.js";

export interface SiteWorkOptions {
  readonly site: string;
  readonly part: SitePart;
  readonly file: FederationFile;
  /** The plan's seed: which order a site trains its examples in follows from it, the site's name and the round. */
  readonly seed: string;
  readonly executor: Executor;
  /** Builds the model of a user's own module. */
  readonly module?: ModuleModelOf;
  /** The model and its outputs, where they are known already. */
  readonly model?: ModelSpec;
  readonly outputs?: OutputSpec;
  /** What training took, for the report. */
  readonly spent?: (round: number, seconds: number, memory: number) => void;
  /** Kept examples and statistic of an earlier life of this site: nothing is measured or cut again. */
  readonly prepared?: { readonly statistic: Statistic; readonly scaler: Scaler };
}

export interface SiteWork {
  readonly site: string;
  /** Errors: those of the data, the model and the engine, coded; the caller makes a refusal of them. */
  readonly work: (request: Request) => Promise<Extract<Message, { type: "answer" | "update" }>>;
  /** What is known of the examples; undefined before they are cut. */
  readonly facts: () => Facts | undefined;
  readonly examples: () => SiteExamples | undefined;
  /** The training examples in the form of the engine. Errors: MESSAGE_INVALID before they are cut. */
  readonly data: () => ExampleData;
  readonly statistic: () => Statistic;
}

interface Ready {
  readonly examples: SiteExamples;
  readonly data: ExampleData;
  readonly facts: Facts;
  readonly model: ModelSpec;
}

/** A site at work on its part of the data. */
export function createSiteWork(options: SiteWorkOptions): SiteWork {
  const { site, part, file, executor } = options;
  const plan: DataPlan = dataPlanOf(file);
  let statistic = options.prepared?.statistic;
  let ready: Ready | undefined = options.prepared === undefined ? undefined : prepare(options.prepared.scaler);

  function measured(): Statistic {
    statistic ??= siteStatistic(part, plan);
    return statistic;
  }

  function prepare(scaler: Scaler): Ready {
    const own = measured();
    if (JSON.stringify(own.schema) !== JSON.stringify(scaler.schema)) {
      const remedy = "map this site's columns, labels and units to those of the federation in its site file";
      fail("DATA_INVALID", { where: `columns of ${site}`, expected: difference(scaler, own), got: difference(own, scaler), remedy });
    }
    const examples = siteExamples(part, scaler, plan);
    const outputs = options.outputs ?? outputsOf(file.task, part.dataset);
    const facts = factsOf(part, plan, examples, outputs);
    const model = options.model ?? modelFor(file, facts, options.module);
    return { examples, data: sharedExamples(examples.train, model, outputs.kind === "reconstruction"), facts, model };
  }

  function prepared(what: string): Ready {
    return ready ?? fail("MESSAGE_INVALID", { where: site, expected: `the scaler before ${what}`, got: "none yet" });
  }

  async function answer(topic: string, body: unknown, values: Float32Array | undefined): Promise<unknown> {
    switch (topicOf(topic)) {
      case "statistics":
        return packStatistic(measured());
      case "prepare": {
        ready = prepare(readScaler(body));
        return ready.facts;
      }
      case "histogram":
        return histogramOf(scorer(topic, values), body);
      case "threshold":
        return countsOf(scorer(topic, values), file, body);
      case "evaluation":
        return scoresOf(scorer(topic, values), file, body);
    }
  }

  /** Outputs of the asked model on some of the site's examples. */
  function scorer(topic: string, values: Float32Array | undefined) {
    const { examples, model, facts } = prepared(topic);
    const { parameters, size } = inferModel(model);
    if (values?.length !== size)
      fail("MESSAGE_INVALID", {
        where: topic,
        expected: `a model of ${size} values (${parameters} parameters)`,
        got: String(values?.length),
      });
    const predict = async (some: Examples): Promise<Float32Array> => {
      if (some.count === 0) return new Float32Array(0);
      const { targets: _, ...data } = sharedExamples(some, model, true);
      return (await executor.run({ kind: "predict", model, values, data })).values;
    };
    return { site, part, plan, examples, outputs: facts.outputs, predict };
  }

  const train = trainingSite({
    site,
    executor,
    model: () => prepared("training").model,
    data: () => prepared("training").data,
    training: () => ({ ...file.training, loss: lossFor(file, prepared("training").facts.outputs) }),
    format: file.encoding ?? defaultFixedPoint,
    seed: options.seed,
    spent: options.spent,
  });

  return {
    site,
    facts: () => ready?.facts,
    examples: () => ready?.examples,
    data: () => prepared("training").data,
    statistic: measured,
    async work(request) {
      if (request.type === "ask") {
        const body = await answer(request.topic, request.body, request.values);
        return { type: "answer", exchange: request.exchange, from: site, body };
      }
      return train(request);
    },
  };
}

/** What a site tells of its examples. */
export function factsOf(part: SitePart, plan: DataPlan, { train, validation, test }: SiteExamples, outputs: OutputSpec): Facts {
  return {
    members: 1,
    train: train.count,
    validation: validation.count,
    test: test.count,
    ...(outputs.kind === "binary" ? { positives: train.targets.reduce((sum, target) => sum + target, 0) } : {}),
    inputs: exampleShapes(plan, part.dataset),
    outputs,
    ...(train.answers === undefined ? {} : { answers: { scale: train.answers.scale, offset: train.answers.offset } }),
  };
}

/** Where the schema of one is not that of the other, in short. */
function difference(a: Pick<Statistic, "schema">, b: Pick<Statistic, "schema">): string {
  const parts = Object.entries(a.schema).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(b.schema[key as keyof typeof b.schema]),
  );
  return parts.length === 0 ? "fewer fields" : JSON.stringify(Object.fromEntries(parts)).slice(0, 400);
}
