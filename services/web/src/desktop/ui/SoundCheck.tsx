import { Suspense } from "react";
import { lazyPage } from "../../ui/lazyPage.ts";

const Dialog = lazyPage(() => import("./SoundCheckDialog.tsx"));

/** The sound check's dialog, loaded when it is opened. */
export function SoundCheck({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return <Suspense fallback={null}>{opened && <Dialog onClose={onClose} />}</Suspense>;
}
