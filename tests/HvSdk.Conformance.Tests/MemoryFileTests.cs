using HvSdk.Live;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Conformance.Tests;

/// <summary>Between files and the guest's memory, many ranges at a time.</summary>
public sealed class MemoryFileTests : IDisposable
{
    private const ulong Here = 0x4000_0000;
    private const int Size = 4 << 20;
    private const int Count = 300;
    private const int Length = 1000;
    private const int Stride = 0x1000;

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void File_ReadIntoManyRanges_IsWhatTheGuestReads()
    {
        byte[] content = new byte[Count * Length];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(_path, content);
        using SafeFileHandle file = File.OpenHandle(_path);
        using TestMachine machine = CopyingGuest.Create(Here, Size);
        MemoryRegion region = machine.Memory.Map(Here, Size);
        GuestMemoryView view = machine.Memory.CreateView();
        view.Enter();
        Assert.True(view.TryReadFile(file, 0, Ranges(), out long count));
        view.Exit();
        machine.RunOnce(Guest.EndExit);

        Assert.Equal(content.Length, count);
        Assert.Equal(BitConverter.ToUInt64(content), region.Read<ulong>(Size - 8));
        byte[] part = new byte[Length];
        for (int i = 0; i < Count; i++)
        {
            region.Read((ulong)(i * Stride), part);
            Assert.Equal(content.AsSpan(i * Length, Length).ToArray(), part);
            Assert.Equal(0, region.Read<byte>((ulong)((i * Stride) + Length)));
        }
    }

    [Fact]
    public void File_WrittenFromManyRanges_HasWhatTheGuestWrote()
    {
        using TestMachine machine = CopyingGuest.Create(Here, Size);
        MemoryRegion region = machine.Memory.Map(Here, Size);
        for (int i = 0; i < Count; i++)
        {
            region.Write((ulong)(i * Stride), (ulong)(i + 1));
        }

        machine.RunOnce(Guest.EndExit);
        GuestMemoryView view = machine.Memory.CreateView();
        view.Enter();
        using (SafeFileHandle file = File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite))
        {
            Assert.True(view.TryWriteFile(file, 16, [.. Ranges(), new GuestRange(Here + Size - 8, 8)]));
        }

        view.Exit();
        byte[] content = File.ReadAllBytes(_path);
        Assert.Equal(16 + (Count * Length) + 8, content.Length);
        Assert.All(Enumerable.Range(0, Count), i => Assert.Equal((ulong)(i + 1), BitConverter.ToUInt64(content, 16 + (i * Length))));
        Assert.Equal(1UL, BitConverter.ToUInt64(content, content.Length - 8));
    }

    private static GuestRange[] Ranges() => [.. Enumerable.Range(0, Count).Select(static i => new GuestRange(Here + (ulong)(i * Stride), Length))];
}
