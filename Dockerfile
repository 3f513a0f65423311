FROM node:26-slim AS dependencies
WORKDIR /isthmus
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:26-slim
WORKDIR /isthmus
COPY --from=dependencies /isthmus/node_modules node_modules
COPY package.json ./
COPY mesh mesh
COPY certs certs
COPY controller controller
ENV NODE_ENV=production
USER 65532:65532
ENTRYPOINT ["node", "/isthmus/controller/cli/main.ts"]
