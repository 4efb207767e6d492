/** kragle's own program: Pulumi.yaml's `main`. It lies at the top, since Pulumi and its plugins work in the folder of that file. */
require("./setup/loader.cjs"); // first: what follows is loaded by it

const { programUnderPulumi } = require("./infra/underPulumi");

// Pulumi calls an exported function and takes what it resolves to as the stack's outputs
module.exports = () => programUnderPulumi();
