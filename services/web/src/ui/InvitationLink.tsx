import { Stack, Text } from "@mantine/core";
import type { Invitation } from "../api/types.ts";
import { useText } from "../i18n/index.ts";
import { CopyField } from "./CopyField.tsx";
import { Note } from "./Note.tsx";
import { DateTime } from "./Time.tsx";

/** A fresh invitation: the link is in this answer only, so it is shown to be copied now. */
export function InvitationLink({ invitation }: { invitation: Invitation }) {
  const t = useText();
  const link = new URL(invitation.linkPath ?? "", location.origin).href;
  return (
    <Stack gap="sm" data-testid="invitation-made">
      <Note tone="good" title={t("invitation.made", { email: invitation.email ?? "" })} live>
        {invitation.emailed ? t("invitation.emailed") : t("invitation.notEmailed")}
      </Note>
      <CopyField value={link} label={t("invitation.link")} testId="invitation-link" />
      <Text size="sm" c="dimmed">
        {t("invitation.expires")} <DateTime value={invitation.expireTime} />
      </Text>
    </Stack>
  );
}
