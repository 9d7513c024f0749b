using HvSdk.Testing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Samples.HostedService;

/// <summary>Runs one guest that works through a list of jobs, and stops the application when the guest has done the last.</summary>
internal sealed partial class GuestService(Hypervisor hypervisor, IHostApplicationLifetime lifetime, ILogger<GuestService> logger) : BackgroundService
{
    private const ushort JobPort = 0x80;

    private readonly ILogger _logger = logger;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Asks for jobs at a port until it gets none, writes back the square of each, and halts.
        GuestProgram program = GuestProgram.ProtectedMode(a =>
        {
            Iced.Intel.Label next = a.CreateLabel();
            Iced.Intel.Label done = a.CreateLabel();
            a.Label(ref next);
            a.@in(eax, (byte)JobPort);
            a.test(eax, eax);
            a.jz(done);
            a.mul(eax);
            a.@out((byte)JobPort, eax);
            a.jmp(next);
            a.Label(ref done);
            a.hlt();
        });

        using Partition partition = hypervisor.CreatePartition(new PartitionOptions { Name = "squares" });
        partition.Memory.Map(0, 0x10000);
        partition.Ports.Map(JobPort, 4, new JobQueue([2, 3, 5, 7, 11], _logger));
        program.LoadInto(partition.Memory);

        try
        {
            // The thread pool is not held up: the vCPU has a thread of its own, and a stopping application cancels the run.
            VcpuExitKind end = await partition.RunVcpuAsync(
                0,
                (vcpu, cancellationToken) =>
                {
                    program.Start(vcpu);
                    return vcpu.Run(cancellationToken).Kind;
                },
                stoppingToken);
            Environment.ExitCode = end == VcpuExitKind.Halt ? 0 : 1;
            LogEnd(_logger, end);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            LogStopped(_logger);
        }

        lifetime.StopApplication();
    }

    [LoggerMessage(1, LogLevel.Information, "The guest ended with {End}")]
    private static partial void LogEnd(ILogger logger, VcpuExitKind end);

    [LoggerMessage(2, LogLevel.Information, "The application stops, and so did the guest")]
    private static partial void LogStopped(ILogger logger);
}
