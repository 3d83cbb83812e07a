import { Button, Group, Modal, Select } from "@mantine/core";
import { useState } from "react";
import { fieldProblem } from "../../api/problem.ts";
import type { Invitation, Role } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { InvitationLink } from "../../ui/InvitationLink.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { invite } from "../start/setUp.ts";
import { ROLES } from "./PersonForm.tsx";

/** Invites somebody, then shows the link: it is in that one answer only. */
export function InviteForm({ onClose }: { onClose: () => void }) {
  const t = useText();
  const refresh = useRefresh("invitations");
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("ROLE_AGENT");
  const [made, setMade] = useState<Invitation>();
  if (made) {
    return (
      <Modal
        opened
        onClose={onClose}
        title={t("admin.people.invite")}
        size="lg"
        closeButtonProps={{ "aria-label": t("common.close") }}
      >
        <InvitationLink invitation={made} />
        <Group justify="flex-end" mt="md">
          <Button onClick={onClose} data-testid="invite-done">
            {t("common.done")}
          </Button>
        </Group>
      </Modal>
    );
  }
  const save = async () => {
    const invitation = await invite(email, name, role);
    await refresh();
    setMade(invitation);
    return false; // the dialog goes on with the link
  };
  return (
    <FormModal
      title={t("admin.people.invite")}
      onClose={onClose}
      onSave={save}
      saveLabel={t("admin.people.invite")}
      testId="invite"
    >
      {(problem) => (
        <>
          <TextField
            label={t("setUp.invite.name")}
            data-autofocus
            maxLength={120}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            data-testid="invite-name"
          />
          <TextField
            label={t("start.email")}
            type="email"
            required
            value={email}
            error={fieldProblem(problem, "email")}
            onChange={(event) => setEmail(event.currentTarget.value)}
            data-testid="invite-email"
          />
          <Select
            label={t("admin.people.role")}
            data={ROLES.map((each) => ({ value: each, label: t(`role.${each}` as "role.ROLE_AGENT") }))}
            value={role}
            onChange={(value) => setRole((value ?? "ROLE_AGENT") as Role)}
          />
        </>
      )}
    </FormModal>
  );
}
