import { Button } from "@mantine/core";
import type { Problem } from "../../api/problem.ts";
import { connectSound, needsStation } from "../../desktop/calls.ts";
import { leg } from "../../desktop/desktop.ts";
import { useText } from "../../i18n/index.ts";
import { useStore } from "../../store.ts";
import { Note } from "../../ui/Note.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";

/** Why a call couldn't be begun; without a softphone, the button that connects one. */
export function Refused({ problem, testId }: { problem: Problem | undefined; testId: string }) {
  const t = useText();
  const { status } = useStore(leg.state);
  if (!needsStation(problem)) return <ProblemNote problem={problem} testId={testId} />;
  const ready = status === "attached";
  return (
    <Note tone={ready ? "good" : "warn"} title={t("calls.soundFirst")} testId={testId} live>
      {ready ? (
        t("dial.soundReady")
      ) : (
        <Button
          size="xs"
          variant="default"
          loading={status === "attaching"}
          onClick={connectSound}
          data-testid={`${testId}-connect`}
        >
          {t("calls.connect")}
        </Button>
      )}
    </Note>
  );
}
