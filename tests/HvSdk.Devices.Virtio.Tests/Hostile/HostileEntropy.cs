namespace HvSdk.Devices.Virtio.Tests.Hostile;

internal sealed class HostileEntropy : HostileSubject
{
    private readonly EntropyDevice _device;
    private byte _next;

    public HostileEntropy() => _device = new EntropyDevice(destination =>
    {
        destination.Fill(++_next);
        if (_next % 8 == 0)
        {
            Meddle?.Invoke();
        }
    });

    public override VirtioDevice Device => _device;

    public override int Compose(int queue, Random random, Span<byte> content, out int writable)
    {
        writable = random.Next(4) == 0 ? random.Next(1 << 18) : random.Next(256);
        return random.Next(4) == 0 ? random.Next(64) : 0;
    }

    public override void Prove(AnyBench bench) => Assert.Equal(16, bench.Ask(0, [], 16).Length);
}
