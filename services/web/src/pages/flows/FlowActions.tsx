import { Button, TextInput } from "@mantine/core";
import { IconRocket } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";

interface Props {
  dirty: boolean;
  /** Further buttons. */
  more?: ReactNode;
  /** What publishing changes, shown before it is done. */
  changes?: ReactNode;
  /** Shows what stands in the way of publishing; true when nothing does. */
  onValidate: () => Promise<boolean>;
  onSave: () => Promise<boolean>;
  onPublish: (comment: string) => Promise<boolean>;
}

export function FlowActions({ dirty, more, changes, onValidate, onSave, onPublish }: Props) {
  const t = useText();
  const [publishing, setPublishing] = useState(false);
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState("");
  const run = async (name: string, work: () => Promise<boolean>) => {
    setBusy(name);
    const done = await work();
    setBusy("");
    return done;
  };
  const askToPublish = async () => {
    if (await run("publish", onValidate)) setPublishing(true);
  };
  return (
    <>
      {more}
      <Button
        variant="default"
        loading={busy === "validate"}
        onClick={() => void run("validate", onValidate)}
        data-testid="flow-validate"
      >
        {t("flows.validate")}
      </Button>
      <Button
        variant="default"
        disabled={!dirty}
        loading={busy === "save"}
        onClick={() => void run("save", onSave)}
        data-testid="flow-save"
      >
        {t("flows.saveDraft")}
      </Button>
      <Button
        leftSection={<IconRocket size={17} aria-hidden />}
        loading={busy === "publish"}
        onClick={() => void askToPublish()}
        data-testid="flow-publish"
      >
        {t("flows.publish")}
      </Button>
      {publishing && (
        <FormModal
          title={t("flows.publish")}
          onClose={() => setPublishing(false)}
          // A refusal is shown on the page, behind the dialog.
          onSave={() => onPublish(comment).then(() => true)}
          saveLabel={t("flows.publish")}
          size="lg"
          testId="publish"
        >
          <p style={{ margin: 0, color: "var(--m-muted)" }}>{t("flows.publishBody")}</p>
          <TextInput
            label={t("flows.comment")}
            data-autofocus
            maxLength={500}
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
          />
          {changes}
        </FormModal>
      )}
    </>
  );
}
