using System.Diagnostics;
using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Many partitions: at a time, and one after the other.</summary>
[Collection(nameof(OpenDescriptors))]
public sealed class ManyPartitionsTests
{
    /// <summary>
    /// What the runtime maps of its own accord while a test runs: pieces of the GC heap, compiled code, stacks of pool threads. A mapping lost
    /// per round would be many times more.
    /// </summary>
    private const int MappingsOfTheRuntime = 100;

    /// <summary>Threads that the pool and the test runner may start meanwhile.</summary>
    private const int ThreadsOfTheRuntime = 8;

    /// <summary>Writes a byte that tells which partition it is.</summary>
    private static readonly TestProgram s_program = Guest.IsX64 ? GuestProgram.RealMode(static a => a.@out(Guest.DonePort, al)) : Guest.Program(static g => g.Done());

    [Fact]
    public void Partitions_AThousandAtATime_EachRunsItsGuest()
    {
        int count = Repetitions.Get("HVSDK_PARTITIONS", 1000, 1000);
        using Hypervisor hypervisor = LiveHypervisor.Open();
        var partitions = new List<Partition>(count);
        try
        {
            for (int i = 0; i < count; i++)
            {
                Partition partition = CreateWithRam(hypervisor, $"partition {i}", partitions);
                s_program.LoadInto(partition.Memory);
                s_program.Start(partition.CreateVcpu(0));
            }

            for (int i = 0; i < count; i++)
            {
                Vcpu vcpu = partitions[i].Vcpus[0];
                vcpu.Write(GuestRegister.Value, (byte)i);
                VcpuExit exit = vcpu.RunOnceBounded();
                Assert.Equal((Guest.WriteExit, (ulong)(byte)i), (exit.Kind, exit.Value));
            }
        }
        finally
        {
            foreach (Partition partition in partitions)
            {
                partition.Dispose();
            }
        }
    }

    [Fact]
    public void Partitions_OneAfterTheOther_LeaveNothing()
    {
        _ = LiveHypervisor.Capabilities;
        int rounds = Repetitions.Get("HVSDK_ROUNDS", 300, 10_000);
        for (int i = 0; i < 20; i++)
        {
            CreateRunDispose(i);
        }

        Resources before = Resources.Take();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < rounds; i++)
        {
            CreateRunDispose(i);
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        Resources after = Resources.Take();

        // Fewer where a thread has ended meanwhile that had waited with a token: it had an event of its own.
        Assert.InRange(after.HypervisorDescriptors, 0, before.HypervisorDescriptors);
        Assert.InRange(after.Threads, 0, before.Threads + ThreadsOfTheRuntime);
        Assert.InRange(after.Mappings, 0, before.Mappings + MappingsOfTheRuntime);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{rounds} rounds in {elapsed.TotalSeconds:0.0} s, {elapsed.TotalMilliseconds / rounds:0.00} ms each; before {before}, after {after}");
    }

    /// <summary>Skips the test where the hypervisor lets a process have one partition, or one with memory.</summary>
    private static Partition CreateWithRam(Hypervisor hypervisor, string name, List<Partition> partitions)
    {
        try
        {
            Partition partition = hypervisor.CreatePartition(new PartitionOptions { Name = name });
            partitions.Add(partition);
            partition.Memory.Map(0, 0x1_0000);
            return partition;
        }
        catch (HypervisorException refusal)
        {
            AbsentFeatures.SkipIfKnown(refusal);
            throw;
        }
    }

    /// <summary>Everything that holds something native; every other vCPU has a thread of its own.</summary>
    private static void CreateRunDispose(int round)
    {
        using Hypervisor hypervisor = Hypervisor.Open(LiveHypervisor.Backend);
        var options = new PartitionOptions();
        GuestMessages.Configure(options);
        using Partition partition = hypervisor.CreatePartition(options);
        partition.Memory.Map(0, 0x1_0000);
        partition.Memory.Map(0x10_0000, 0x1_0000, new MemoryRegionOptions { Backing = MemoryBacking.Shareable });
        s_program.LoadInto(partition.Memory);
        using Doorbell doorbell = partition.CreateDoorbell(Guest.DeviceDoorbell());
        using InterruptTrigger trigger = partition.Interrupts.CreateTrigger(GuestMessages.Message);
        if (round % 2 == 0)
        {
            Limit.Await(partition.RunVcpuAsync(0, static (vcpu, _) => Run(vcpu)), "a round");
        }
        else
        {
            Run(partition.CreateVcpu(0));
        }

        static int Run(Vcpu vcpu)
        {
            s_program.Start(vcpu);
            Assert.Equal(Guest.WriteExit, vcpu.RunOnce().Kind);
            return 0;
        }
    }

    private readonly record struct Resources(int HypervisorDescriptors, int Threads, int Mappings)
    {
        public static Resources Take()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            using var process = Process.GetCurrentProcess();
            return new(
                OpenDescriptors.Count(), process.Threads.Count, OperatingSystem.IsLinux() ? File.ReadLines("/proc/self/maps").Count() : 0);
        }
    }
}
