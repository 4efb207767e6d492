import "../setup/loader.cjs"; // first: what follows is loaded by it

import { programUnderPulumi } from "./underPulumi";

// Pulumi calls an exported function and takes what it resolves to as the stack's outputs
export = () => programUnderPulumi();
