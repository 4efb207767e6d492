import { kragleHome, projectFolder } from "../host/project";
import { Store } from "./store";

/** This project's store. */
export const openStore = () => new Store(kragleHome, projectFolder);
