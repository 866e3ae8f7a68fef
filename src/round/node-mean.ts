/** The model that a run gives: the mean of its last global models, summed in double precision from the oldest to the newest. */

/** Errors: RangeError without a model. */
export function meanModel(models: readonly Float32Array[]): Float32Array {
  if (models.length === 0) throw new RangeError("mean of models: expected at least one model, got none");
  if (models.length === 1) return models[0];
  const mean = new Float32Array(models[0].length);
  for (let i = 0; i < mean.length; i++) {
    let sum = 0;
    for (const model of models) sum += model[i];
    mean[i] = sum / models.length;
  }
  return mean;
}
