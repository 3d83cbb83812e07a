/** Start of the app. Order matters: session and media begin at once, drawing comes after. */
import "./theme/styles.ts";
import { startDesktop, startMedia } from "./desktop/desktop.ts";
import { exposeDiagnostics } from "./desktop/diagnostics.ts";
import { followQuality } from "./desktop/quality.ts";
import { activateLanguage, initialLanguage } from "./i18n/index.ts";
import { startSession } from "./session/session.ts";
import { followSession } from "./socket/live.ts";

startMedia();
void startSession();
startDesktop();
followQuality();
followSession();
exposeDiagnostics();

const [{ draw }] = await Promise.all([import("./draw.tsx"), activateLanguage(initialLanguage())]);
draw();
