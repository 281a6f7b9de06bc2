export const draw = () => "";
