import { namedHostSecrets } from "../host/secrets";
import { STEP_SECRET } from "../plan/steps";

/**
 * What must not be in an image, by the names by which people know it: settings, and where a password of the host's stands.
 *
 * @param secrets the run's, as stages have them
 */
export function searchedSecrets(secrets: Readonly<Record<string, string>>): Record<string, string> {
  const own = Object.entries(secrets).map(([name, value]) => [
    name.startsWith(STEP_SECRET) ? `secrets.${name.slice(STEP_SECRET.length)}` : name,
    value,
  ]);
  return { ...namedHostSecrets(), ...(Object.fromEntries(own) as Record<string, string>) };
}
