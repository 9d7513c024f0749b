using HvSdk.Boot;
using HvSdk.Testing;

namespace HvSdk.VirtualMachines.Tests;

/// <summary>Machines on a hypervisor that plays a script, so that they need none.</summary>
internal sealed class ScriptedMachines : IDisposable
{
    /// <summary>Far beyond what a loaded machine needs; it only decides how long a failure takes.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public ScriptedMachines(Action<ScriptedBackend>? configure = null)
    {
        configure?.Invoke(Backend);
        Hypervisor = Hypervisor.Open(Backend);
    }

    public ScriptedBackend Backend { get; } = new();

    public Hypervisor Hypervisor { get; }

    /// <summary>A machine of one processor with the least of a board, which boots an image of one byte.</summary>
    /// <remarks>Nobody watches whether it has halted: the watch kicks processors that have been silent for half a second, and a kick is a step of their scripts.</remarks>
    public VirtualMachineBuilder CreateBuilder() =>
        VirtualMachine.CreateBuilder(Hypervisor).WithMemory(2 << 20).ConfigureBoard(static board => board.EndWhenHalted = false).Boot(OpenImage);

    public static BootImage OpenImage() => FlatImage.Read(
        BootFile.FromMemory(new byte[] { 0xF4 }), new FlatImageOptions { Mode = FlatImageMode.Real, LoadAddress = 0x1000 }); // HLT

    /// <summary>Waits for the end of a machine.</summary>
    public static async Task<MachineEnd> EndOf(VirtualMachine machine) => await machine.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Limit);

    public void Dispose() => Hypervisor.Dispose();
}
