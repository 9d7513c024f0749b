using System.Runtime.InteropServices;
using HvSdk.Devices.Virtio.Tests.FileSystem;

namespace HvSdk.Devices.Virtio.Tests.Hostile;

internal sealed class HostileFiles : HostileSubject
{
    private const int MaxBytes = 1 << 20;

    private readonly MemoryTree _tree = new(new MemoryTreeOptions { MaxBytes = MaxBytes, MaxNames = 100 });
    private readonly FileSystemDevice _device;

    public HostileFiles(Random random) => _device = new FileSystemDevice(
        "x", _tree.Root, new FileSystemOptions { MaxNodes = 60, MaxOpenFiles = 20, MaxTransfer = 1 << 14, QueueSize = 64, RequestQueues = random.Next(1, 3) });

    public override VirtioDevice Device => _device;

    public override void Open(AnyBench bench, Random random)
    {
        if (random.Next(8) != 0)
        {
            Mount(bench);
        }
    }

    public override int Compose(int queue, Random random, Span<byte> content, out int writable)
    {
        Span<byte> arguments = FuseNoise.Arguments(random, content.Slice(FuseRequestHeader.Size, random.Next(FuseNoise.MaxArguments)));
        FuseOpcode opcode = FuseNoise.Opcode(random);
        opcode = opcode is FuseOpcode.Destroy or FuseOpcode.Init && random.Next(30) > 0 ? FuseOpcode.Lookup : opcode;
        int length = FuseRequestHeader.Size + arguments.Length;
        uint said = random.Next(50) == 0 ? (uint)random.Next() : (uint)length;
        MemoryMarshal.Write(content, new FuseRequestHeader(said, opcode, 3, ((ulong)random.Next(3) << 32) | (uint)random.Next(12), 0, 0, 0, 0));
        writable = random.Next(4) == 0 ? random.Next(200) : 4096;
        return length;
    }

    public override void Act(Random random) => _tree.Delete($"{(char)('a' + random.Next(8))}");

    public override void Check()
    {
        Assert.InRange(_tree.UsedBytes, 0, MaxBytes);
        Assert.Null(_device.Counters.LastFailure);
    }

    public override void Prove(AnyBench bench) => Assert.Equal(0, MemoryMarshal.Read<FuseAnswerHeader>(Mount(bench)).Error);

    private static byte[] Mount(AnyBench bench)
    {
        var init = new FuseInitRequest(7, 31, 0x20000, (FuseInitFlags)uint.MaxValue);
        byte[] request = new byte[FuseRequestHeader.Size + 64];
        MemoryMarshal.Write(request, new FuseRequestHeader((uint)request.Length, FuseOpcode.Init, 1, 0, 0, 0, 0, 0));
        MemoryMarshal.Write(request.AsSpan(FuseRequestHeader.Size), init);
        return bench.Ask(1, request, 256);
    }
}
