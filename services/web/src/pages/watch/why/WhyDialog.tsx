import { Modal, Stack } from "@mantine/core";
import { asProblem } from "../../../api/problem.ts";
import type { Contact } from "../../../api/types.ts";
import { isolated } from "../../../format/isolated.ts";
import { useText } from "../../../i18n/index.ts";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Note } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { ChangeForm } from "./ChangeForm.tsx";
import { Decisions } from "./Decisions.tsx";
import { GONE, useExplanation } from "./explanation.ts";
import { Keepers } from "./Keepers.tsx";
import { Standing } from "./Standing.tsx";
import { leftUnanswered, waits } from "./waiting.ts";

/** Why a contact waits, what keeps each agent from it, and what can be changed; of one that was assigned, how; of one
 * that left unanswered, how it stood then. */
export default function WhyDialog({ contact, onClose }: { contact: Contact; onClose: () => void }) {
  const t = useText();
  const contactId = contact.contactId ?? "";
  const { data, error, refetch } = useExplanation(contactId, waits(contact) || leftUnanswered(contact));
  const left = leftUnanswered(data?.contact ?? contact);
  const gone = error !== null && asProblem(error).reason === GONE;
  const waiting = waits(contact) && !gone && !left;
  const caller = isolated(contact.callerName || contact.callerNumber || t("common.anonymous"));
  const title = waits(contact) ? "why.title" : left ? "why.leftTitle" : "why.decisionsOf";
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={t(title, { caller })}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="why"
    >
      <Stack gap="lg">
        {gone && waits(contact) && (
          <Note tone="info" testId="why-gone" live>
            {t("why.gone")}
          </Note>
        )}
        {left && data && (
          <Note tone="info" testId="why-left" live>
            {t("why.left")}
          </Note>
        )}
        {(waiting || left) && error && !gone && (
          <ProblemNote problem={error} onRetry={() => void refetch()} />
        )}
        {(waiting || left) && !data && !error && <Loading />}
        {(waiting || left) && data && (
          <>
            <Standing explanation={data} />
            {waiting && <ChangeForm contact={data.contact ?? contact} onChanged={() => void refetch()} />}
            <Keepers explanation={data} />
          </>
        )}
        <Decisions contactId={contactId} live={waiting} />
      </Stack>
    </Modal>
  );
}

/** How a contact stood that left unanswered, on a call's page; nothing of one that left before that was kept. */
export function LeftPanel({ contactId }: { contactId: string }) {
  const t = useText();
  const { data } = useExplanation(contactId, true);
  if (!data) return null;
  return (
    <Panel label={t("why.then")} testId="why-left">
      <Stack gap="lg">
        <Standing explanation={data} />
        <Keepers explanation={data} />
      </Stack>
    </Panel>
  );
}
