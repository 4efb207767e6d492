import { StageFailure } from "../host/failure";
import { displayPath } from "../host/project";

/**
 * The content of a small JSON file that kragle wrote.
 *
 * @throws StageFailure where it is no JSON
 */
export function parseRecord<T>(file: string, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new StageFailure(`${displayPath(file)} is damaged: ${(error as Error).message}`, {
      hint: "delete that file and run ./kragle up, which writes it anew",
    });
  }
}
