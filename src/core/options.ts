// Options are checked by name: a misspelt one left unread would make another thing than the one that was asked for.
import { OptionError } from "./errors.ts";

/** Every option of a type and no other: a list that lacks one, or has one too many, does not compile. */
export type OptionNames<Options> = { readonly [Name in keyof Options]-?: 0 };

/** Options as they are. @throws OptionError naming one that is not known, and those that are. */
export function checkOptions<Options extends object>(
  where: string,
  options: Options,
  known: NoInfer<OptionNames<Options>>,
): Options {
  for (const name in options) {
    if (!Object.hasOwn(known, name))
      throw new OptionError(
        `${where}: ${name}: unknown option, wanted one of ${Object.keys(known).join(", ")}`,
      );
  }
  return options;
}
