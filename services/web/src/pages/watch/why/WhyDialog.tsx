import { Modal, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import { asProblem } from "../../../api/problem.ts";
import type { Contact, Explanation } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { isolated } from "../../../rules/words.ts";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Note } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { ChangeForm } from "./ChangeForm.tsx";
import { Decisions } from "./Decisions.tsx";
import { Keepers } from "./Keepers.tsx";
import { Standing } from "./Standing.tsx";
import { waits } from "./waiting.ts";

const FRESH_MS = 2000;
const GONE = "CONTACT_STATE_CHANGED";

/** Why a contact waits, what keeps each agent from it, and what can be changed; of one that was assigned, how. */
export default function WhyDialog({ contact, onClose }: { contact: Contact; onClose: () => void }) {
  const t = useText();
  const contactId = contact.contactId ?? "";
  const { data, error, refetch } = useExplanation(contactId, waits(contact));
  const gone = error !== null && asProblem(error).reason === GONE;
  const waiting = waits(contact) && !gone;
  const caller = isolated(contact.callerName || contact.callerNumber || t("common.anonymous"));
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={waits(contact) ? t("why.title") : t("why.decisionsOf", { caller })}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="why"
    >
      <Stack gap="lg">
        {gone && (
          <Note tone="info" testId="why-gone" live>
            {t("why.gone")}
          </Note>
        )}
        {waiting && error && <ProblemNote problem={error} onRetry={() => void refetch()} />}
        {waiting && !data && !error && <Loading />}
        {waiting && data && (
          <>
            <Standing explanation={data} />
            <ChangeForm contact={data.contact ?? contact} onChanged={() => void refetch()} />
            <Keepers explanation={data} />
          </>
        )}
        <Decisions contactId={contactId} live={waiting} />
      </Stack>
    </Modal>
  );
}

function useExplanation(contactId: string, enabled: boolean) {
  return useQuery({
    queryKey: ["explanation", contactId],
    queryFn: (): Promise<Explanation> =>
      ask(api.GET("/v1/contacts/{contactId}:explain", { params: { path: { contactId } } })),
    // Once it no longer waits there is nothing more to be told.
    refetchInterval: ({ state }) =>
      state.error && asProblem(state.error).reason === GONE ? false : FRESH_MS,
    retry: false,
    enabled,
  });
}
