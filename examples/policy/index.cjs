const { PolicyPack } = require("@pulumi/policy");
const { getStack } = require("@pulumi/pulumi");

const { ageInDays, problems } = require("./rules.cjs");

/** In whichever language the program is written. */
const IMAGE = "kragle:index:GoldenImage";

/** A policy over the settings of each image, which are known before anything is built. */
const ofSettings = (name, description, problem) => ({
  name,
  description,
  enforcementLevel: "mandatory",
  validateResource({ type, props }, report) {
    const found = type === IMAGE ? problem(props, getStack()) : undefined;
    if (found !== undefined) report(found);
  },
});

new PolicyPack("golden-images", {
  policies: [
    ofSettings("signed", "A release is signed.", problems.signed),
    ofSettings("proven-in-full", "An image boots three times before its release.", problems.proven),
    ofSettings("no-waiver-in-production", "Production breaks no rule.", problems.waived),
    ofSettings("generic-kernel-on-metal", "Real hardware needs its drivers.", problems.kernel),
    {
      name: "not-older-than",
      description: "An image is built anew before it misses too many updates.",
      enforcementLevel: "mandatory",
      configSchema: { properties: { days: { type: "number", default: 30 } } },
      // over the outputs: those of an image that is to be built are not known, and it will be new
      validateStack({ resources, getConfig }, report) {
        const { days } = getConfig();
        for (const { type, props, urn, name } of resources) {
          if (type !== IMAGE) continue;
          const age = ageInDays(String(props.buildId), new Date());
          if (age === undefined || age <= days) continue;
          report(
            `${name} is ${age} days old; ${days} are allowed: see the setting refreshAfter`,
            urn,
          );
        }
      },
    },
  ],
});
