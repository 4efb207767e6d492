/**
 * What is wrong with an image by its settings, as its GoldenImage registers them; undefined where nothing is. A setting that is not given
 * has its default.
 */
exports.problems = {
  signed: ({ signKey }) =>
    signKey ? undefined : "set signKey, so that others can verify the release",

  proven: ({ smoke = "qemu", proof = "quick" }) =>
    smoke === "qemu" && proof === "full" ? undefined : "set proof to full, and smoke to qemu",

  waived({ check }, stack) {
    const rules = (check?.waive ?? []).map(({ rule }) => rule);
    if (!/^prod(uction)?\b/.test(stack) || rules.length === 0) return undefined;
    return `stack ${stack} is production, and check.waive excuses ${rules.join(", ")}`;
  },

  kernel: ({ runsOn = [], kernel = "cloud" }) =>
    runsOn.includes("metal") && kernel !== "generic"
      ? "runsOn has metal: set kernel to generic"
      : undefined,
};

/**
 * Whole days since an image was built.
 *
 * @param buildId begins with the day (UTC) of the build, as in 20261129.111117.b1e639ed5a97
 * @returns undefined where that is not known yet
 */
exports.ageInDays = (buildId, now) => {
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)\./.exec(buildId) ?? [];
  if (!year) return undefined;
  return Math.floor((now - Date.UTC(year, month - 1, day)) / (24 * 60 * 60 * 1000));
};
