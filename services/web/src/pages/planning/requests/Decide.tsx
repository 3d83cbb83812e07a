import { Button, Group } from "@mantine/core";
import { useState } from "react";
import { useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";

interface Props {
  what: string;
  testId: string;
  decide: (approve: boolean, reason: string) => Promise<unknown>;
}

/** Approve at a press, refuse with a reason. */
export function Decide({ what, testId, decide }: Props) {
  const t = useText();
  const [asked, setAsked] = useState<"approve" | "refuse">();
  const [reason, setReason] = useState("");
  return (
    <>
      <Group gap={6} wrap="wrap">
        <Button
          size="compact-sm"
          onClick={() => setAsked("approve")}
          aria-label={`${t("requests.approve")}: ${what}`}
          data-testid={`${testId}-approve`}
        >
          {t("requests.approve")}
        </Button>
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => setAsked("refuse")}
          aria-label={`${t("requests.refuse")}: ${what}`}
          data-testid={`${testId}-refuse`}
        >
          {t("requests.refuse")}
        </Button>
      </Group>
      {asked && (
        <FormModal
          title={`${t(`requests.${asked}`)}: ${what}`}
          onClose={() => setAsked(undefined)}
          onSave={() => decide(asked === "approve", reason)}
          saveLabel={t(`requests.${asked}`)}
          testId="decide"
        >
          <TextField
            label={t("requests.reason")}
            description={t("requests.reasonSeen")}
            required={asked === "refuse"}
            maxLength={200}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            data-testid="decide-reason"
          />
        </FormModal>
      )}
    </>
  );
}
