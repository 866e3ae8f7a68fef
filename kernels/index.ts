/** The training kernels of Millwright: everything the engine calls. Layout and rules: affine.ts. */
export { affine } from "./affine";
export { biasGradient } from "./bias";
export { weightGradient } from "./weights";
export { activate, activateBackward, addTwo, copy, dropout, fill, softmax, softmaxBackward, transpose } from "./elementwise";
export {
  batchBackward,
  batchCoefficients,
  channelMoments,
  groupBackward,
  groupCoefficients,
  normApply,
  normBackward,
  normGradient,
  normSums,
  runningCoefficients,
} from "./norm";
export { normPool, normPoolBackward, normPoolSums } from "./norm-pool";
export { layerNorm, layerNormBackward } from "./layer-norm";
export { pool, poolBackward } from "./pool";
export { lstmBackward, lstmForward } from "./lstm";
export { gruBackward, gruForward } from "./gru";
export { firstNotFinite, flip, gather, scatter } from "./gather";
export { binaryLoss, crossEntropy, regressionLoss } from "./loss";
export { adam, clipUnits, permute, reduceLanes, sgd, sumSquares } from "./optimizer";
export { peak } from "./peak";
