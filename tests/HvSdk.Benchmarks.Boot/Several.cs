using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using HvSdk.Devices.Emulated;
using HvSdk.VirtualMachines;

namespace HvSdk.Benchmarks.Boot;

/// <summary>Several machines in this process, for the memory that each takes.</summary>
internal static class Several
{
    public static async Task RunAsync(Hypervisor hypervisor, GuestRecipe recipe, int count)
    {
        var machines = new List<VirtualMachine>();
        for (int i = 0; i < count; i++)
        {
            var console = new SerialPort16550A();
            VirtualMachine machine = recipe.CreateBuilder(hypervisor, console).Build();
            machines.Add(machine);
            await machine.StartAsync();
            await WaitForUserspaceAsync(console.Pipe.Input);
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
            Console.WriteLine($"MEMORY {ProcessMemory.Read("self", recipe.Memory).Overhead}");
        }

        // Whoever started us ends us; the machines run until then.
        await machines[0].WaitForExitAsync();
    }

    private static async Task WaitForUserspaceAsync(PipeReader console)
    {
        byte[] mark = Encoding.ASCII.GetBytes(GuestRecipe.UserspaceMark);
        bool isThere = false;
        while (!isThere)
        {
            ReadResult read = await console.ReadAsync();
            isThere = read.Buffer.ToArray().AsSpan().IndexOf(mark) >= 0;
            if (read.IsCompleted && !isThere)
            {
                throw new InvalidOperationException("A guest ended before its userspace.");
            }

            console.AdvanceTo(isThere ? read.Buffer.End : read.Buffer.Start, read.Buffer.End);
        }
    }
}
