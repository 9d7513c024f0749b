using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Text;
using HvSdk.Devices.Emulated;
using HvSdk.VirtualMachines;

namespace HvSdk.Benchmarks.Boot;

/// <summary>A guest in this process.</summary>
internal sealed class BootedGuest : IDisposable
{
    private static readonly TimeSpan s_stall = TimeSpan.FromSeconds(20);
    private static readonly byte[] s_mark = Encoding.ASCII.GetBytes(GuestRecipe.UserspaceMark);

    private readonly SerialPort16550A _console = new();

    public BootedGuest(Hypervisor hypervisor, GuestRecipe recipe)
    {
        Machine = recipe.CreateBuilder(hypervisor, _console).Build();
    }

    public VirtualMachine Machine { get; }

    /// <summary>Starts it and waits for its userspace.</summary>
    /// <returns>From the call of StartAsync to there; null where it stalled.</returns>
    public TimeSpan? Boot()
    {
        long start = Stopwatch.GetTimestamp();
        Machine.StartAsync().GetAwaiter().GetResult();
        using var stall = new CancellationTokenSource(s_stall);
        PipeReader reader = _console.Pipe.Input;
        try
        {
            for (; ; )
            {
                ReadResult read = reader.ReadAsync(stall.Token).AsTask().GetAwaiter().GetResult();
                bool isThere = read.Buffer.ToArray().AsSpan().IndexOf(s_mark) >= 0;
                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                if (isThere)
                {
                    return Stopwatch.GetElapsedTime(start);
                }

                if (read.IsCompleted)
                {
                    throw new InvalidOperationException($"The guest ended before its userspace: {Machine.End}");
                }
            }
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    public void Dispose() => Machine.DisposeAsync().AsTask().GetAwaiter().GetResult();
}
