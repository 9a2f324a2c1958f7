//! `automation-kv mcp`: the store as tools for an agent, by the Model Context Protocol over stdin and stdout.

mod tools;
mod trial;

use std::sync::Arc;

use automation_kv_client::{Error, Kv};
use clap::Args;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::io::stdio_pipes;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Map, Value, json};

use super::client::Connection;
use super::{CommandError, runtime};
use crate::engine::Engine;
use tools::Kind;

/// What an agent is told before it looks at the tools.
const INSTRUCTIONS: &str = "A small, durable, encrypted JSON state of this automation, kept from run to run: keys with \
    JSON values. Read with kv_list and kv_get before you write. Prefer the tools that change a value in place (kv_incr, \
    kv_patch, kv_rpush, kv_claim) to reading a value, changing it and storing it again: others may write at the same time. \
    Every write takes dry_run: true, which changes nothing and answers with the difference that it would make.";

#[derive(Debug, Args)]
pub(super) struct Mcp {
    /// Offer only the tools that change nothing.
    #[arg(long)]
    read_only: bool,

    #[command(flatten)]
    connection: Connection,
}

/// The tools on one automation's state.
#[derive(Clone)]
struct Server {
    kv: Kv,
    is_read_only: bool,
    engine: Arc<Engine>,
}

impl Mcp {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let server = Server {
            kv: self.connection.kv()?,
            is_read_only: self.read_only,
            engine: Arc::new(Engine::of_command()?),
        };
        let runtime = runtime()?;
        let ended = runtime.block_on(async {
            let serving = server.serve(stdio_pipes()).await;
            let serving = serving.map_err(|error| CommandError::new(format!("no client began a session: {error}")))?;
            serving
                .waiting()
                .await
                .map_err(|error| CommandError::new(format!("serving failed: {error}")))
        });
        // A read of stdin that is still waiting cannot be called off.
        runtime.shutdown_background();
        ended.map(drop)
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("automation-kv", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let offered = tools::ALL.iter().filter(|tool| self.offers(tool));
        Ok(ListToolsResult::with_all_items(
            offered.map(tools::Described::tool).collect(),
        ))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.find(name).map(tools::Described::tool)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = self.find(&request.name) else {
            let message = if self.is_read_only && tools::find(&request.name).is_some() {
                format!("{} writes, and this server was started with --read-only", request.name)
            } else {
                format!("there is no tool {:?}", request.name)
            };
            return Err(ErrorData::invalid_params(message, None));
        };
        let result = self.call(tool, request.arguments.unwrap_or_default()).await;
        Ok(result.unwrap_or_else(|problem| problem).into())
    }
}

impl Server {
    fn offers(&self, tool: &tools::Described) -> bool {
        !(self.is_read_only && tool.kind == Kind::Write)
    }

    fn find(&self, name: &str) -> Option<&'static tools::Described> {
        tools::find(name).filter(|tool| self.offers(tool))
    }

    /// Carries out a tool; a refusal is for the agent to read.
    async fn call(
        &self,
        tool: &tools::Described,
        mut arguments: Map<String, Value>,
    ) -> Result<CallToolResult, CallToolResult> {
        let is_trial = match arguments.remove("dry_run") {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Bool(true)) if tool.kind == Kind::Write => true,
            Some(other) => {
                return Err(refusal(&format!(
                    "dry_run is true or false, and for writes only; not {other}"
                )));
            }
        };
        if is_trial {
            return trial::difference(self, &tool.batch(arguments)).await;
        }
        let call = tool.call(arguments).map_err(|problem| refusal(&problem))?;
        let reply = self.kv.send(call).await.map_err(|error| refused(&error))?;
        Ok(CallToolResult::structured(
            reply.read().map_err(|error| refused(&error))?,
        ))
    }
}

/// What the service said, or that it could not be asked.
fn refused(error: &Error) -> CallToolResult {
    match error.refusal() {
        Some(refusal) if refusal.body.is_object() => CallToolResult::structured_error(refusal.body.clone()),
        _ => refusal(&error.to_string()),
    }
}

fn refusal(message: &str) -> CallToolResult {
    let mut result = CallToolResult::structured_error(json!({ "error": "failed", "message": message }));
    result.content = vec![ContentBlock::text(message)];
    result
}
