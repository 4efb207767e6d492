import { projectFolder } from "../host/project";
import { Store } from "./store";

/** This project's store in a `.kragle` folder. */
export const openStore = (home: string) => new Store(home, projectFolder);
