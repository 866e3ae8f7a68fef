/**
 * A rule of your own: the trimmed mean, which one site that is far off cannot move at will. It sees one coordinate of all updates at a
 * time; rules of kind "linear" see only sums, "gram" only inner products, "whole" everything.
 *
 * @param {{ trim?: number }} options the other fields of `aggregate:` in the federation file: how many of the largest and of the smallest
 *   values are left out
 */
export default function trimmedMean({ trim = 1 }) {
  return {
    kind: "coordinate",
    name: `trimmed mean (${trim})`,
    minimum: 2 * trim + 1,
    combine(values) {
      const kept = [...values].sort((a, b) => a - b).slice(trim, values.length - trim);
      return kept.reduce((sum, value) => sum + value, 0) / kept.length;
    },
  };
}
