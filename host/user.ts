import { homedir, userInfo } from "node:os";

/** The name of whoever runs kragle; the number where no account has it, as in the pods of many CI systems. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid!());
  }
}

/** A path whose first part may be `~`, the home folder of whoever runs kragle. */
export const expandHome = (path: string): string => path.replace(/^~(?=\/|$)/, () => userHome());

/** The home folder of whoever runs kragle; `/`, as Docker itself does, where neither HOME nor an account names one. */
export function userHome(): string {
  try {
    return homedir();
  } catch {
    return "/";
  }
}
