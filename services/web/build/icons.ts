/** The icons that shell and desktop draw, so that they travel in one file: one each costs more in wrapping than in lines. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const SOURCE = resolve(import.meta.dirname, "../src");
const SHELL_FOLDERS = ["ui", "desktop", "pages/desktop"];

const drawn = new Set(
  SHELL_FOLDERS.flatMap((folder) =>
    readdirSync(join(SOURCE, folder), { recursive: true, withFileTypes: true }),
  )
    .filter((file) => file.isFile() && file.name.endsWith(".tsx"))
    .flatMap((file) => readFileSync(join(file.parentPath, file.name), "utf8").match(/\bIcon[A-Z]\w+/g) ?? []),
);

/** Whether a module is such an icon. */
export function isShellIcon(id: string): boolean {
  const icon = /@tabler\/icons-react\/.*\/(Icon\w+)\.m?js$/.exec(id)?.[1];
  return icon !== undefined && drawn.has(icon);
}
