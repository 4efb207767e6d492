import { namedHostSecrets } from "../host/secrets";
import { STEP_SECRET } from "../plan/steps";

/**
 * What must not be in an image, each by the name by which people know it: the setting's, or where a password of the host's stands.
 *
 * @param secrets the run's, as stages have them: a step's that comes from the environment is among them under its name there, too
 */
export function searchedSecrets(secrets: Readonly<Record<string, string>>): Record<string, string> {
  const own = Object.entries(secrets)
    .filter(([name, value]) => secrets[`${STEP_SECRET}${name}`] !== value)
    .map(([name, value]) => [
      name.startsWith(STEP_SECRET) ? `secrets.${name.slice(STEP_SECRET.length)}` : name,
      value,
    ]);
  return { ...namedHostSecrets(), ...(Object.fromEntries(own) as Record<string, string>) };
}
