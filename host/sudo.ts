import { runProgram } from "./process";

/** Whether sudo, now, needs no password of the user. */
export const sudoWithoutQuestion = (): Promise<boolean> =>
  runProgram(["sudo", "-n", "true"]).then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  );
