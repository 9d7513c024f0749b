using System.IO.Pipelines;
using HvSdk;
using HvSdk.Backends.Kvm;
using HvSdk.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.VirtualMachines;

namespace HvSdk.Samples.KernelTest;

/// <summary>What a kernel did: how its machine ended, and what it wrote to the serial port and to the debug console.</summary>
public sealed record KernelRun(MachineEnd End, string Serial, string Debug);

/// <summary>A machine for one kernel and one test: 64 MiB, a processor, a serial port, a debug console (0xE9), and a port that ends it (0xF4).</summary>
public static class KernelMachine
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30); // for a kernel that hangs, and not for one that is slow

    /// <summary>Boots a kernel and waits for its end. One that has not ended by the limit is stopped: its end is then <see cref="MachineEndKind.Stopped"/>.</summary>
    public static async Task<KernelRun> RunAsync(Func<BootImage> kernel, Action<VirtualMachineBuilder>? configure = null, TimeSpan? limit = null)
    {
        HypervisorProbe probe = Hypervisor.Probe(KvmBackend.Instance);
        Assert.SkipUnless(probe.IsAvailable, probe.ToString()); // why not, and what to do about it

        using Hypervisor hypervisor = Hypervisor.Open(KvmBackend.Instance);
        var serial = new SerialPort16550A();
        var debug = new DebugConsole();
        VirtualMachineBuilder builder = VirtualMachine.CreateBuilder(hypervisor)
            .WithMemory(64 << 20)
            .Boot(kernel)
            .AddDevice(serial)
            .AddDevice(debug)
            .AddDevice(new DebugExit());
        configure?.Invoke(builder);

        await using VirtualMachine machine = builder.Build();
        Task<string> serialText = ReadToEndAsync(serial.Pipe.Input);
        Task<string> debugText = ReadToEndAsync(debug.Output);
        await machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(limit ?? s_limit);
        MachineEnd end;
        try
        {
            end = await machine.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            end = await machine.StopAsync(TimeSpan.Zero, CancellationToken.None);
        }

        return new KernelRun(end, await serialText, await debugText); // both texts end with the machine
    }

    private static async Task<string> ReadToEndAsync(PipeReader output)
    {
        using var reader = new StreamReader(output.AsStream());
        return await reader.ReadToEndAsync();
    }
}
