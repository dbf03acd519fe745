// Links of the router that look like Mantine's.
import { Anchor, type AnchorProps, Button, type ButtonProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { AnchorHTMLAttributes, Ref } from "react";

type Html = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "color" | "style"> & { ref?: Ref<HTMLAnchorElement> };

export const LinkButton = createLink((props: ButtonProps & Html) => <Button component="a" {...props} />);
export const LinkAnchor = createLink((props: AnchorProps & Html) => <Anchor {...props} />);
