using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using HvSdk.Backends;
using HvSdk.Backends.Hvf;

namespace HvSdk.Benchmarks.StandIns;

/// <summary>
/// One access of an AArch64 guest to a device: what the backend does between the exit's syndrome and the registers; and, shown beside it, a whole exit of the HVF backend (run loop,
/// bus of fifty ranges, device, and the calls of the framework: a run, the register, PC twice) over functions that return at once.
/// </summary>
internal sealed class Arm64AccessBenchmark(string? cannedLibrary, bool quick)
{
    private const int Accesses = 10_000;

    /// <summary>ESR_EL2 (Arm ARM, D19.2.37): a data abort with a syndrome, and without.</summary>
    private const ulong DataAbort = (0x24UL << 26) | (1UL << 25);
    private const ulong Described = DataAbort | (1UL << 24);
    private const ulong Write = 1UL << 6;

    private readonly int _batches = quick ? 60 : 1000;
    private readonly ulong[] _registers = new ulong[32];
    private ulong _pc;

    private delegate void SetAccesses(ulong count);

    internal IEnumerable<Result> Run()
    {
        // LDR, LDRB, LDRSH, STR of registers that differ, as a driver has them; and the forms that no syndrome describes.
        ulong[] described = [Access(2, 2), Access(0, 3), Access(1, 4) | (1 << 21) | (1 << 15), Access(3, 5) | (1 << 15) | Write];
        uint[] instructions = [0xB840_4422, 0xA940_0C22, 0xB800_4C22, 0xF850_0C23]; // LDR W2, [X1], #4; LDP X2, X3, [X1]; STR W2, [X1, #4]!; LDR X3, [X1, #-256]!
        (double syndromes, long bytes) = Time(() => FromSyndromes(described));
        (double decoded, long decodedBytes) = Time(() => FromInstructions(instructions));
        yield return new Result("arm64-access-ns", double.Max(syndromes, decoded), "ns", Relation.AtMost, 40, string.Create(
            CultureInfo.InvariantCulture, $"{syndromes:F1} ns by the syndrome, {decoded:F1} ns where the instruction has to be decoded"));
        yield return new Result("arm64-access-bytes", bytes + decodedBytes, "bytes", Relation.Exactly, 0, "allocated while both ran");
        if (cannedLibrary is not null)
        {
            yield return WholeExit(cannedLibrary);
        }
    }

    private static ulong Access(int sizeShift, int register) => Described | ((ulong)sizeShift << 22) | ((ulong)register << 16);

    private (double Nanoseconds, long Bytes) Time(Action batch)
    {
        long bytes = 0;
        double[] times = Sampling.Repeat(_batches, _batches, () =>
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            batch();
            long end = Stopwatch.GetTimestamp();
            bytes = GC.GetAllocatedBytesForCurrentThread() - allocated;
            return (end - start) * (1e9 / Stopwatch.Frequency) / Accesses;
        });
        return (Sampling.Median(times), bytes);
    }

    private void FromSyndromes(ulong[] syndromes)
    {
        for (int i = 0; i < Accesses; i++)
        {
            var syndrome = new Arm64Syndrome(syndromes[i & 3]);
            if (syndrome.Class != Arm64ExceptionClass.DataAbort || syndrome.IsTableWalk || syndrome.IsCacheMaintenance || !syndrome.DescribesAccess)
            {
                throw new InvalidOperationException("No access.");
            }

            Complete(Arm64MmioAccess.FromSyndrome(syndrome), (ulong)i);
        }
    }

    private void FromInstructions(uint[] instructions)
    {
        for (int i = 0; i < Accesses; i++)
        {
            var syndrome = new Arm64Syndrome(DataAbort);
            if (syndrome.Class != Arm64ExceptionClass.DataAbort || syndrome.DescribesAccess || !Arm64MmioAccess.TryDecode(instructions[i & 3], out Arm64MmioAccess access))
            {
                throw new InvalidOperationException("No access.");
            }

            Complete(access, (ulong)i);
        }
    }

    /// <summary>The device's part is to give or take a number; the rest is what a backend does to registers.</summary>
    private void Complete(in Arm64MmioAccess access, ulong device)
    {
        for (int i = 0; i < access.Count; i++)
        {
            int register = i == 0 ? access.Register : access.SecondRegister;
            if (access.IsWrite)
            {
                _registers[0] ^= register == Arm64MmioAccess.ZeroRegister ? 0 : _registers[register];
            }
            else if (register != Arm64MmioAccess.ZeroRegister)
            {
                _registers[register] = access.Extend(device & (ulong.MaxValue >> (64 - (8 * access.Size))));
            }
        }

        if (access.BaseRegister is >= 0 and not Arm64MmioAccess.ZeroRegister)
        {
            _registers[access.BaseRegister] += (ulong)access.WriteBack;
        }

        _pc += 4;
    }

    private Result WholeExit(string library)
    {
        var setAccesses = Marshal.GetDelegateForFunctionPointer<SetAccesses>(NativeLibrary.GetExport(NativeLibrary.Load(library), "HvSdkCannedAccesses"));
        setAccesses(Accesses);
        using Hypervisor hypervisor = Hypervisor.Open(new HvfBackend(new HvfBackendOptions { LibraryPath = library }));
        using Partition partition = hypervisor.CreatePartition(new PartitionOptions { ExitOnHypercall = true });
        partition.Memory.Map(Arm64Guest.Ram, Arm64Guest.RamSize);
        Buses.FillMmio(partition);
        using Vcpu vcpu = partition.CreateVcpu(0);
        (double nanoseconds, long bytes) = Time(() =>
        {
            VcpuExit exit = vcpu.Run();
            if (exit.Kind != VcpuExitKind.Hypercall)
            {
                exit.ThrowUnexpected();
            }
        });
        return new Result("hvf-managed-ns-per-exit", nanoseconds, "ns", Relation.Shown, 0, string.Create(
            CultureInfo.InvariantCulture, $"four calls into a library that does nothing among it; {bytes} bytes"));
    }
}
